"""OpenAPI: a document of an application, made of the plans of its handlers (OpenAPI 3.1)."""

from sketch.openapi.openapi import OPENAPI, OpenAPI

__all__ = ["OPENAPI", "OpenAPI"]
