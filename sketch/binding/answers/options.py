"""The options of a route about the answers that are made of what its handler returns."""

from __future__ import annotations

from typing import NamedTuple


class AnswerOptions(NamedTuple):
    """How an answer is made; None stands for an option that is not given.

    Args:
        status: of the response, by default 200, or 204 for a handler that returns None.
        by_alias: whether the fields of pydantic models have their aliases as names, by default True.
        exclude_unset: whether fields of pydantic models are left out that were not set.
        exclude_defaults: the same for fields that have their default value.
        exclude_none: the same for fields that are None.
    """

    status: int | None = None
    by_alias: bool | None = None
    exclude_unset: bool | None = None
    exclude_defaults: bool | None = None
    exclude_none: bool | None = None

    def given(self) -> str:
        """The options that are given, as they are written."""
        return ", ".join(f"{name}={value!r:.200}" for name, value in self._asdict().items() if value is not None)

    @property
    def of_models(self) -> dict[str, bool]:
        """Those that are given about models."""
        return {name: value for name, value in self._asdict().items() if name != "status" and value is not None}
