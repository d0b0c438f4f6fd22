"""Channels: a message that is published to a topic reaches all its subscribers; a slow one delays no other."""

from sketch.channels.backend import Backend, MemoryBackend, Message
from sketch.channels.channels import Channels
from sketch.channels.subscription import Policy, Subscription

__all__ = ["Backend", "Channels", "MemoryBackend", "Message", "Policy", "Subscription"]
