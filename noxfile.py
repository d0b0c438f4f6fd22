"""The checks of the project: `nox -l` lists them, `nox -s NAME` runs one, `.ci/run` runs them all.

The Python that runs nox is the default: it runs the full suite, the others run the tests of the core and the native
server.
"""

from __future__ import annotations

import re
import shutil
import socket
import sys
from pathlib import Path

import nox

HERE = Path(__file__).parent
DEFAULT = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = sorted({DEFAULT, "3.11", "3.12", "3.13", "3.14", "3.15"})
PROJECT = nox.project.load_toml("pyproject.toml")
PARALLEL = ("-n", "4", "--dist", "worksteal")
"""Arguments for pytest: four processes, as in the README's command. `-- -n 0` after a session's name makes it one."""

nox.needs_version = ">=2025.5.1"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "imports", f"tests-{DEFAULT}"]


def group(name: str) -> list[str]:
    """The requirements of a dependency group; pip itself reads groups only from version 25.1 on."""
    return list(nox.project.dependency_groups(PROJECT, name))


def requirements() -> list[str]:
    """The hard dependencies and those of every extra, as pyproject.toml has them."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    found = [*PROJECT["project"]["dependencies"], *(line for extra in extras for line in extra)]
    return [line for line in found if not line.startswith("sketch-web")]


def chosen(session: nox.Session, *default: str) -> list[str]:
    """The arguments after `--`, with the default paths if they name none."""
    given = list(session.posargs)
    return given if any(argument.startswith("tests") for argument in given) else [*default, *given]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The full suite with coverage on the default Python, the core and the native server on the others."""
    if session.python == DEFAULT:
        session.install("-e", ".[all]", *group("test"), *group("frameworks"))
        session.run("pytest", *PARALLEL, "--cov", "--cov-report=term-missing:skip-covered", *session.posargs)
    else:
        session.install("-e", ".[all]", *group("test"))
        session.run("pytest", *PARALLEL, *chosen(session, "tests/core", "tests/native"))


@nox.session(python=DEFAULT)
def contract(session: nox.Session) -> None:
    """One behaviour on every transport: the contract suite alone."""
    session.install("-e", ".[all]", *group("test"))
    session.run("pytest", *PARALLEL, "tests/contract", "-m", "not browser", *session.posargs)


@nox.session(python=DEFAULT)
def extended(session: nox.Session) -> None:
    """What the plain run leaves out: further transports of the contract, type checkers, whole suites of users."""
    session.install("-e", ".[all]", *group("test"), *group("frameworks"))
    session.run("pytest", *PARALLEL, "-m", "extended", *session.posargs)


@nox.session(python=DEFAULT)
def minimums(session: nox.Session) -> None:
    """The suite with the oldest versions that pyproject.toml allows."""
    lowest = [re.sub(r">=([\w.]+)", r"==\1", line) for line in requirements()]
    session.install("-e", ".", *lowest, *group("test"), *group("frameworks"))
    session.run("pytest", *PARALLEL, *chosen(session, "tests/core", "tests/native", "tests/asgi", "tests/contract"))


@nox.session(python=DEFAULT)
def openapi(session: nox.Session) -> None:
    """The documents of applications against a validator, schemathesis, FastAPI and a generated client."""
    session.install("-e", ".[all]", *group("test"), *group("openapi"))
    session.run("pytest", *PARALLEL, *chosen(session, "tests/openapi"))


@nox.session(python=DEFAULT)
def lint(session: nox.Session) -> None:
    """Style and common mistakes."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=DEFAULT)
def types(session: nox.Session) -> None:
    """Both type checkers, strictly."""
    session.install("-e", ".[all]", *group("lint"), *group("test"))
    session.run("mypy")
    session.run("pyright")


@nox.session(python=DEFAULT)
def imports(session: nox.Session) -> None:
    """The import rules (pyproject.toml, tool.importlinter), and that there are no import cycles."""
    session.install("-e", ".[all]", *group("lint"), *group("test"))
    session.run("lint-imports")
    session.run("pytest", "tests/house/test_imports.py")


@nox.session(python=DEFAULT)
def wheel(session: nox.Session) -> None:
    """Build the wheel, install it elsewhere, and run the smoke part of the contract suite against that."""
    directory = Path(session.create_tmp()).resolve()
    shutil.rmtree(directory)
    directory.mkdir()
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(directory), str(HERE))
    (built,) = directory.glob("sketch_web-*.whl")
    session.install(f"sketch-web[all] @ {built.as_uri()}", *group("test"))
    session.install("--force-reinstall", "--no-deps", str(built))  # a reused environment has an older build
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE / "tests", directory / "tests", ignore=ignored, symlinks=True)
    shutil.copy(HERE / "pyproject.toml", directory)
    environment = {"PYTHONSAFEPATH": "1", "SKETCH_INSTALLED": str(session.virtualenv.location)}
    session.chdir(directory)
    session.run(
        "pytest",
        *PARALLEL,
        *chosen(session, "tests/house/test_installed.py", "tests/contract"),
        "-m",
        "smoke",
        env=environment,
    )


@nox.session(python=DEFAULT)
@nox.parametrize("extras", ["", "[fast]", "[all]"], ids=["plain", "fast", "all"])
def demo(session: nox.Session, extras: str) -> None:
    """`sketch demo` in an environment with no extra, with `[fast]` and with `[all]`: it names what is missing."""
    session.install(f".{extras}")
    missing = [] if extras == "[all]" else ["websockets", "uvicorn", "hypercorn", "granian"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    session.run("python", "-m", "tests.newcomer", f"sketch demo --port {port}", url, "--missing", *missing)


@nox.session(python=DEFAULT)
def quick(session: nox.Session) -> None:
    """The tests of the core alone, to run between two edits: they take under a minute."""
    session.install("-e", ".[all]", *group("test"))
    session.run("pytest", *PARALLEL, "tests/core", *session.posargs)


@nox.session(python=DEFAULT)
def compare(session: nox.Session) -> None:
    """Send the same bytes to other servers, in today's versions: writes docs/same-bytes.md. Run it by hand."""
    peers = ["aiohttp", "granian", "h11", "httptools", "hypercorn", "sanic", "uvicorn"]
    session.install("-e", ".[fast]", *peers)
    session.run("python", "-m", "tests.comparison")


@nox.session(python=DEFAULT)
def backends(session: nox.Session) -> None:
    """Try each server with the conformance cases, which writes docs/backends.md, and further ones with the contract.

    Run it by hand. What fails in the contract is to be judged: the servers' own failures are named on the page.
    """
    session.install("-e", ".[all]", *group("test"), "peregrine-server", "daphne", "gunicorn")
    session.run("python", "-m", "tests.backends")
    for name in ("peregrine", "gunicorn", "daphne"):
        session.run(
            *("pytest", *PARALLEL, "tests/contract", "-m", "smoke", *session.posargs),
            env={"SKETCH_BACKENDS": name},
            success_codes=[0, 1],
        )


@nox.session(python=DEFAULT)
def restarts(session: nox.Session) -> None:
    """Replace servers under load, and count what their clients lose: writes docs/restarts.md. An hour, by hand."""
    session.install("-e", ".[all]", *group("test"))
    session.run("python", "-m", "tests.restarts", *session.posargs)


@nox.session(python=DEFAULT)
def fuzz(session: nox.Session) -> None:
    """Ten minutes of hostile connections to the native server on each event loop, and long property tests. By hand."""
    session.install("-e", ".[all]", *group("test"))
    session.run("python", "-m", "tests.native.fuzz", *session.posargs)
    long = ("tests/native", "tests/core/request/forms", "tests/core/binding")
    session.run("pytest", "--timeout", "3600", *long, env={"SKETCH_FUZZ": "20000"})


@nox.session(python=DEFAULT)
def browser(session: nox.Session) -> None:
    """The tests that need a browser, in headless Chromium."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        session.skip("no Chromium here: the browser tests are NOT run (Debian: apt-get install chromium)")
    session.install("-e", ".[all]", *group("test"))
    session.run("pytest", "tests/browser", "-m", "browser", *session.posargs, env=axe(session))


def axe(session: nox.Session) -> dict[str, str]:
    """Where axe-core is, which looks for what keeps people out of a page: from npm, where npm is."""
    if not shutil.which("npm"):
        session.warn("no npm here: the pages are NOT examined by axe-core")
        return {}
    directory = session.create_tmp()
    session.run("npm", "install", "--silent", "--prefix", directory, "axe-core@4", external=True)
    return {"AXE": str(Path(directory).resolve() / "node_modules/axe-core/axe.min.js")}


@nox.session(python=DEFAULT)
def bench(session: nox.Session) -> None:
    """The benchmarks, in an environment with the peers' pinned versions: `nox -s bench -- --case main`."""
    session.install("-r", "benchmarks/requirements.txt", "-e", ".")
    session.run("python", "-m", "benchmarks", *session.posargs)
