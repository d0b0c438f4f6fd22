"""Tests of sketch.middleware."""
