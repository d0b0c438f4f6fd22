"""Values under keys, each with an end: where sessions and limits keep what outlives a request."""

from sketch.stores.memory import MemoryStore
from sketch.stores.store import Store, StoreUnavailable, check_entry

__all__ = ["MemoryStore", "Store", "StoreUnavailable", "check_entry"]
