"""What the adapters for gateway interfaces share: ASGI and RSGI leave the same things to an application."""
