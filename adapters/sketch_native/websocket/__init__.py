"""Websockets on the native server: handshake, frames, compression, connection."""
