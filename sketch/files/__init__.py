"""Files as responses: the plan by RFC 9110, the open file, the response, and static directories."""

from sketch.files.response import FileResponse

__all__ = ["FileResponse"]
