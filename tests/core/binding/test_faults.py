"""Faults of values: their messages, and the pointers to their places."""

from __future__ import annotations

import pickle

from sketch.binding.faults import Fault, Faults, to_pointer


def test_a_fault_is_its_message() -> None:
    fault = Fault("expected an integer")
    assert (str(fault), fault.message, fault.pointer) == ("expected an integer", "expected an integer", "")


def test_a_pointer_escapes_what_separates_its_steps() -> None:
    assert to_pointer(["a/b", "m~n", 0, "~1", ""]) == "/a~1b/m~0n/0/~01/"
    assert to_pointer([]) == ""


def test_a_fault_within_a_larger_value() -> None:
    fault = Fault("expected an integer", "/0").within("items", "a/b")
    assert (str(fault), fault.pointer) == ("expected an integer", "/items/a~1b/0")


def test_several_faults() -> None:
    faults = Faults(iter([Fault("is required", "/name"), Fault("expected an object")]))
    assert [fault.pointer for fault in faults.faults] == ["/name", ""]
    assert str(faults) == "/name: is required; expected an object"


def test_faults_travel_between_processes() -> None:
    copy = pickle.loads(pickle.dumps(Fault("is required", "/name")))
    assert (copy.message, copy.pointer) == ("is required", "/name")
    assert str(pickle.loads(pickle.dumps(Faults([copy])))) == "/name: is required"
