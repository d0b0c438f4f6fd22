"""The way from a request to what goes on the wire."""
