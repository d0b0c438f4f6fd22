"""Media types by file name. The table is built in: responses do not depend on the `mime.types` of the machine."""

from __future__ import annotations

from collections.abc import Mapping

_BY_TYPE = {
    # web pages
    "text/html": "html htm",
    "text/css": "css",
    "text/javascript": "js mjs cjs",
    "application/json": "json map",
    "application/ld+json": "jsonld",
    "application/manifest+json": "webmanifest",
    "application/wasm": "wasm",
    "application/xhtml+xml": "xhtml",
    "application/xml": "xml xsl xsd",
    "application/rss+xml": "rss",
    "application/atom+xml": "atom",
    # text
    "text/plain": "txt text log ini conf cfg",
    "text/markdown": "md markdown",
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "text/calendar": "ics",
    "text/vcard": "vcf",
    "text/vtt": "vtt",
    "application/jsonl": "jsonl ndjson",
    "application/geo+json": "geojson",
    "application/toml": "toml",
    "application/yaml": "yaml yml",
    # images
    "image/apng": "apng",
    "image/avif": "avif",
    "image/bmp": "bmp",
    "image/gif": "gif",
    "image/jpeg": "jpg jpeg jfif",
    "image/png": "png",
    "image/svg+xml": "svg",
    "image/tiff": "tif tiff",
    "image/webp": "webp",
    "image/x-icon": "ico cur",
    # audio and video
    "audio/aac": "aac",
    "audio/flac": "flac",
    "audio/midi": "mid midi",
    "audio/mp4": "m4a",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg oga opus",
    "audio/wav": "wav",
    "audio/webm": "weba",
    "video/mp2t": "ts",
    "video/mp4": "mp4 m4v",
    "video/mpeg": "mpeg mpg",
    "video/ogg": "ogv",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "mkv",
    "application/dash+xml": "mpd",
    "application/vnd.apple.mpegurl": "m3u8",
    # fonts and models
    "font/otf": "otf",
    "font/ttf": "ttf",
    "font/woff": "woff",
    "font/woff2": "woff2",
    "application/vnd.ms-fontobject": "eot",
    "model/gltf+json": "gltf",
    "model/gltf-binary": "glb",
    "model/stl": "stl",
    # documents
    "application/pdf": "pdf",
    "application/epub+zip": "epub",
    "application/rtf": "rtf",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    "application/vnd.ms-powerpoint": "ppt",
    "application/vnd.oasis.opendocument.presentation": "odp",
    "application/vnd.oasis.opendocument.spreadsheet": "ods",
    "application/vnd.oasis.opendocument.text": "odt",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    # archives
    "application/gzip": "gz tgz",
    "application/java-archive": "jar",
    "application/vnd.rar": "rar",
    "application/x-7z-compressed": "7z",
    "application/x-bzip2": "bz2",
    "application/x-tar": "tar",
    "application/x-xz": "xz",
    "application/zip": "zip",
    "application/zstd": "zst",
}

UNKNOWN = "application/octet-stream"


def _with_charset(media_type: str) -> str:
    # Without a charset, browsers guess by the reader's country. Files of the other types name their own encoding.
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


FILE_TYPES: Mapping[str, str] = {
    f".{suffix}": _with_charset(media_type) for media_type, suffixes in _BY_TYPE.items() for suffix in suffixes.split()
}
"""Media types by the last suffix of a file name, in lower case; text is assumed to be UTF-8."""


def file_type(name: str, types: Mapping[str, str] = FILE_TYPES) -> str:
    """Return the media type of a file by its name or path; `application/octet-stream` without a known suffix.

    Args:
        name: its last suffix counts, in upper or lower case.
        types: media types by suffix, like `FILE_TYPES`.
    """
    stem, dot, suffix = name[name.rfind("/") + 1 :].rpartition(".")
    return types.get(dot + suffix.lower(), UNKNOWN) if stem else UNKNOWN
