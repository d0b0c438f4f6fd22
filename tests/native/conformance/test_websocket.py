"""Several hundred cases of RFC 6455 and 7692 against a real server, from the outside.

The cases of one event loop are run together, once for all processes of pytest-xdist; each is then a test of its own.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.native.conformance.client import alive
from tests.native.conformance.servers import LOOPS, target
from tests.native.conformance.websocket_cases import CASES, Case
from tests.native.conformance.websocket_run import run_all
from tests.support.once import made_once


@pytest.fixture(scope="module", params=LOOPS)
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    def find() -> dict[str, str | None]:
        with target(request.param, tmp_path_factory.mktemp("target")) as program:
            found = asyncio.run(run_all(program.port))
            assert asyncio.run(alive(program.port)), program.output
            assert "Traceback" not in program.output
        return found

    outcomes: dict[str, str | None] = made_once(tmp_path_factory, f"websocket-{request.param}", find)
    return outcomes


@pytest.mark.timeout(180)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_case(outcomes: dict[str, str | None], case: Case) -> None:
    assert outcomes[case.id] is None, f"{outcomes[case.id]}\nsent: {str(case.send)[:500]}"


def test_each_case_has_a_name_of_its_own() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
