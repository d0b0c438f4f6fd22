"""A client that another program has generated from the document calls the example application."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from sketch.openapi import OPENAPI
from tests.docs.test_examples import EXAMPLES, load
from tests.support.programs import free_port, script, serving

pytest.importorskip("openapi_python_client")

PACKAGE = "generated_teashop"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The generated client, on the path."""
    directory = tmp_path_factory.mktemp("client")
    document = directory / "openapi.json"
    document.write_text(json.dumps(load("teashop").app[OPENAPI].document()))
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document), "--meta", "none"]
    done = subprocess.run(
        [*command, "--output-path", str(directory / PACKAGE)], capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(directory))
    yield PACKAGE
    sys.path.remove(str(directory))
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The example application, served natively."""
    port = free_port()
    command = [*script("sketch"), "run", "teashop:app", "--port", str(port)]
    with serving(command, port, EXAMPLES, tmp_path / "log") as it:
        yield it.url
        assert it.stop() == 0, it.output


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Setting per-request cookies:DeprecationWarning")  # by the generated code
def test_the_client_calls_the_application(package: str, url: str) -> None:
    def operation(name: str) -> Any:
        return import_module(f"{package}.api.{name}")

    client_module, models = import_module(f"{package}.client"), import_module(f"{package}.models")
    types = import_module(f"{package}.types")
    # Errors come as problem details to a client that asks for JSON.
    with client_module.Client(base_url=url, headers={"Accept": "application/json"}) as client:
        page = operation("teas.get_teas").sync(client=client, kind=models.GetTeasKind.GREEN, word=["Sen", "x"], limit=5)
        assert [tea.name for tea in page.items] == ["Sencha"]
        tea = operation("teas.get_teas_name").sync("Assam", client=client)
        assert (tea.kind, tea.grams, tea.price) == (models.Kind.BLACK, 500, "4.20")
        problem = operation("teas.get_teas_name").sync("Milk", client=client)
        assert (problem.status, problem.detail) == (404, "there is no Milk")
        invalid = operation("teas.get_teas").sync(client=client, limit=70)
        assert [(error.in_.value, error.name) for error in invalid.errors] == [("query", "limit")]
        label = models.PostTeasNameLabelBody("Ours", color=models.PostTeasNameLabelBodyColor.WHITE)
        assert operation("teas.post_teas_name_label").sync("Assam", client=client, body=label) == "Assam: Ours on white"
        picture = types.File(BytesIO(b"\x89PNG"), file_name="tea.png", mime_type="image/png")
        body = models.PutTeasNamePictureBody(picture=picture, caption="green")
        stored = operation("teas.put_teas_name_picture").sync("Sencha", client=client, body=body)
        assert stored.to_dict() == {"tea": "Sencha", "bytes": 4, "caption": "green"}
        opened = operation("shop.put_open").sync(client=client, body=True)
        assert opened.to_dict() == {"open": True}

    order = models.Order(tea="Assam", grams=100, to=models.Address(street="Ring 1", city="Leipzig"))
    with client_module.Client(base_url=url, headers={"Accept": "application/json"}) as client:
        assert operation("orders.post_orders").sync_detailed(client=client, body=order).status_code == 401
    with client_module.AuthenticatedClient(base_url=url, token="leaf") as client:
        receipt = operation("orders.post_orders").sync(client=client, body=order)
        assert (receipt.order, str(receipt.due)) == (order, "2026-12-24")
