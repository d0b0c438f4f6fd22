"""Websockets on the native server: handshake, upgrade, frames, compression, connection."""
