"""Every public name has a docstring."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import FunctionType, ModuleType

import pytest

PACKAGES = (
    "sketch",
    "sketch_native",
    "sketch_asgi",
    "sketch_rsgi",
    "sketch_gateway",
    "sketch.bench",
    "sketch.openapi",
    "sketch.stores",
    "sketch.testing",
)


def exported(package: str) -> list[str]:
    return list(getattr(import_module(package), "__all__", ()))  # its absence is another test


def members(owner: type) -> Iterator[tuple[str, object]]:
    """The public methods and properties that a class defines itself."""
    for name, member in vars(owner).items():
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
            yield name, member


@pytest.mark.parametrize("package", PACKAGES)
def test_package_lists_its_names(package: str) -> None:
    module: ModuleType = import_module(package)
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize(("package", "name"), [(package, name) for package in PACKAGES for name in exported(package)])
def test_public_name_has_a_docstring(package: str, name: str) -> None:
    public = getattr(import_module(package), name)
    is_class = issubclass(type(public), type)  # isinstance() would ask a proxy for its target, and there is none here
    if not is_class and type(public) is not FunctionType:
        return  # a constant or a proxy: its type is documented
    assert inspect.getdoc(public), f"expected a docstring on {package}.{name}"
    if is_class:
        undocumented = [key for key, member in members(public) if not inspect.getdoc(member)]
        assert undocumented == [], f"expected docstrings on these of {package}.{name}"
