"""What dependencies say of the credentials that they ask for."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from sketch import Application, Depends, Header
from tests.core.openapi.support import document

BEARER = {"type": "http", "scheme": "bearer"}


class Bearer:
    def __init__(self, told: Any = None) -> None:
        self.told = {"bearer": BEARER} if told is None else told

    def __call__(self, authorization: Annotated[str, Header()] = "", x_key: Annotated[str, Header()] = "") -> str:
        return authorization

    def openapi_security(self) -> Any:
        return self.told


def of(*dependencies: Any, app: Application | None = None) -> dict[str, Any]:
    app = app or Application()

    @app.get("/", dependencies=[Depends(each) for each in dependencies])
    async def handler() -> None: ...

    return document(app)


def test_a_scheme_and_its_401() -> None:
    found = of(Bearer())
    operation = found["paths"]["/"]["get"]
    assert found["components"]["securitySchemes"] == {"bearer": BEARER}
    assert operation["security"] == [{"bearer": []}]
    assert operation["responses"]["401"] == {"$ref": "#/components/responses/Unauthorized"}
    assert "403" not in operation["responses"]


def test_scopes_may_be_refused() -> None:
    operation = of(Bearer({"bearer": {**BEARER, "scopes": ["read", "read", "write"]}}))["paths"]["/"]["get"]
    assert operation["security"] == [{"bearer": ["read", "write"]}]
    assert "403" in operation["responses"]


def test_an_api_key_is_no_parameter() -> None:
    found = of(Bearer({"key": {"type": "apiKey", "in": "header", "name": "X-Key"}}))
    assert "parameters" not in found["paths"]["/"]["get"]


def test_dependencies_of_dependencies_and_of_the_application() -> None:
    class Key(Bearer):
        pass

    def inner(value: Annotated[str, Depends(Bearer())]) -> None: ...

    key = Key({"key": {"type": "apiKey", "in": "query", "name": "key"}})
    found = of(inner, app=Application(dependencies=[Depends(key)]))
    assert found["paths"]["/"]["get"]["security"] == [{"key": [], "bearer": []}], "all are required"


@pytest.mark.parametrize("told", [[BEARER], {"bearer": "http"}, "bearer"])
def test_what_is_no_scheme(told: Any) -> None:
    with pytest.raises(TypeError, match=r"expected openapi_security\(\) of .* to return security schemes by name"):
        of(Bearer(told))


def test_one_name_for_two_schemes() -> None:
    app = Application(dependencies=[Depends(Bearer())])
    app.add_get("/other", lambda: None, dependencies=[Depends(Bearer({"bearer": {"type": "mutualTLS"}}))])
    with pytest.raises(ValueError, match="expected one security scheme of the name 'bearer'"):
        document(app)
