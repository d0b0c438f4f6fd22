"""The padding that may follow a boundary (RFC 2046 section 5.1.1), which the parser does not take."""

from __future__ import annotations

MOST_PADDING = 1024
"""The most bytes of padding after one boundary: they have to be kept until it is known what follows."""


class TooMuchPadding(ValueError):
    """Raised for more than MOST_PADDING bytes after a boundary."""


class PaddingFilter:
    """Removes spaces and tabs between a boundary and the end of its line; every other byte passes as it is.

    Args:
        boundary: without the two hyphens.
    """

    __slots__ = ("_delimiter", "_kept", "_unsent", "content_only")

    content_only: bool
    """Whether what `feed` returned last has no part of a boundary: inside a part, the parser needs not look again."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._kept = b"\r\n"  # as if a line had ended before: a boundary may stand at the very beginning
        self._unsent = 2  # bytes of `_kept` that are not of the body

    def feed(self, chunk: bytes) -> bytes:
        """Return what is known to be no padding so far; it may lag behind by a boundary.

        Raises:
            TooMuchPadding: for more padding than anything needs.
        """
        data = self._kept + chunk if self._kept else chunk
        passed: list[bytes] = []
        begin, index = self._unsent, data.find(self._delimiter)
        self.content_only = index < 0 and not self._kept
        while index >= 0:
            end = index + len(self._delimiter)
            after = _skip_padding(data, end)
            if after > len(data) - 2:  # the end of the line, or more padding, may be still to come
                return self._keep(data, passed, begin, index)
            if after > end and data.startswith(b"\r\n", after):
                passed.append(data[begin:end])
                begin = after
            index = data.find(self._delimiter, after)
        return self._keep(data, passed, begin, self._find_partial(data, begin if passed else 0))

    def rest(self) -> bytes:
        """Return what was kept, at the end of the body."""
        return self._kept[self._unsent :]

    def _keep(self, data: bytes, passed: list[bytes], begin: int, index: int) -> bytes:
        """Keep what comes from an index on for the next chunk."""
        self._kept = data[index:]
        self._unsent = self._unsent if index == 0 else 0
        passed.append(data[begin:index])
        return b"".join(passed) if len(passed) > 1 else passed[0]

    def _find_partial(self, data: bytes, begin: int) -> int:
        """Return where the beginning of a delimiter may stand at the end of the data; the data's length if nowhere."""
        index = data.rfind(b"\r", max(begin, len(data) - len(self._delimiter) + 1))
        return index if index >= 0 and self._delimiter.startswith(data[index:]) else len(data)


def _skip_padding(data: bytes, start: int) -> int:
    """Return the index of the first byte from `start` on that is neither a space nor a tab."""
    end = start
    while data[end : end + 1] in (b" ", b"\t"):
        end += 1
        if end - start > MOST_PADDING:
            raise TooMuchPadding(f"expected at most {MOST_PADDING} bytes of padding after a boundary")
    return end
