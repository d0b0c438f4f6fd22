"""Serves a sketch application by RSGI, the interface of granian."""
