"""The rules of the HTTP RFCs as pure functions and tables: no I/O, no asyncio, no other part of sketch."""
