"""Channels: what is published to a topic reaches everybody who has subscribed to it, whoever of them is slow."""

from sketch.channels.backend import Backend, MemoryBackend, Message
from sketch.channels.channels import Channels
from sketch.channels.subscription import Policy, Subscription

__all__ = ["Backend", "Channels", "MemoryBackend", "Message", "Policy", "Subscription"]
