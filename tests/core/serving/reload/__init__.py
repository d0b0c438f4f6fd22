"""Mirrors `sketch/serving/reload`."""
