"""Several hundred cases of RFC 9110 and 9112 against a real server, from the outside.

The cases of one event loop are run together, once for all processes of pytest-xdist; each is then a test of its own
that shows what was on the wire.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.native.conformance.cases import CASES, Outcome, run_all
from tests.native.conformance.client import alive
from tests.native.conformance.servers import LOOPS, target
from tests.support.once import made_once


@pytest.fixture(scope="module", params=LOOPS)
def outcomes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    def find() -> dict[str, Outcome]:
        with target(request.param, tmp_path_factory.mktemp("target")) as program:
            found = asyncio.run(run_all(program.port))
            assert asyncio.run(alive(program.port)), program.output
        return found

    outcomes: dict[str, Outcome] = made_once(tmp_path_factory, f"http-{request.param}", find)
    return outcomes


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_case(outcomes: dict[str, Outcome], case: dict[str, object]) -> None:
    outcome = outcomes[str(case["id"])]
    assert outcome.why is None, f"{case['rule']}\nsent: {str(case['send'])[:1500]}\n{outcome}"
