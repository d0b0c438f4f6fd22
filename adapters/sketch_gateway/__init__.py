"""What the adapters for gateway interfaces share: ASGI and RSGI leave the same things to an application."""

from sketch_gateway.application import GatewayApplication

__all__ = ["GatewayApplication"]
