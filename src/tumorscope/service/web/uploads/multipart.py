"""Write a ``multipart/form-data`` body to disk as it arrives.

python-multipart's parser calls back for every piece; the bytes of a file are written at once, so memory
stays constant however large the upload is.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from email.message import Message
from typing import BinaryIO

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from tumorscope.service.web.api_error import ApiError
from tumorscope.service.web.uploads.limits import format_bytes
from tumorscope.service.web.uploads.tree import UploadTree

_MAX_FIELD_BYTES, _MAX_FIELDS = 1024, 16
_LONG_FIELDS = {"sequences": 16 * 1024}
"""Fields that may be longer: one name for each of many files."""
_MAX_BOUNDARY = 256


@dataclass
class _Part:
    """The current part of the form."""

    headers: dict[str, bytes] = field(default_factory=dict)
    name: str = ""
    value: bytearray = field(default_factory=bytearray)
    file: BinaryIO | None = None
    is_file: bool = False


class MultipartReceiver:
    """Receives a body in pieces.

    Args:
        content_type: of the request, with the boundary.
        tree: receives the files of the field ``files``.

    Raises:
        ApiError: not a form, or a limit is exceeded; the caller removes the files written so far.
    """

    def __init__(self, content_type: str, tree: UploadTree) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != b"multipart/form-data":
            raise ApiError(415, "send multipart/form-data with files, or JSON with a DICOMweb address")
        if not 0 < len(boundary) <= _MAX_BOUNDARY:
            raise ApiError(400, "the form has no usable boundary; send multipart/form-data as browsers do")
        self._tree = tree
        self._part = _Part()
        self._header_name, self._header_value = b"", b""
        self._bytes = 0
        self._ended = False
        self.fields: dict[str, str] = {}
        self.files = 0
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._take_header_name,
                "on_header_value": self._take_header_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
        )

    def write(self, piece: bytes) -> None:
        """Process the next bytes."""
        self._bytes += len(piece)
        check_size(self._bytes, self._tree.limits.upload_bytes)
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise ApiError(400, "the form is damaged; send it again") from error

    def finish(self) -> None:
        """Check that the form is complete."""
        if not self._ended:
            raise ApiError(400, "the form is incomplete; send it again")

    def close(self) -> None:
        """Close an open file if the upload was interrupted."""
        if self._part.file is not None:
            with contextlib.suppress(OSError):  # a full disk fails again on closing
                self._part.file.close()
            self._part.file = None

    def _begin_part(self) -> None:
        self._part = _Part()

    def _take_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _take_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._part.headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name, self._header_value = b"", b""

    def _end_headers(self) -> None:
        part = self._part
        disposition = part.headers.get("content-disposition", b"")
        _kind, options = parse_options_header(disposition)
        filename = _text(options[b"filename"]) if b"filename" in options else _extended_filename(disposition)
        part.name = _text(options.get(b"name", b""))
        part.is_file = filename is not None
        if filename is None:
            if len(self.fields) >= _MAX_FIELDS:
                raise ApiError(413, f"the form has more than {_MAX_FIELDS} fields besides the files")
            return
        if part.name != "files":
            raise ApiError(400, "files must be in the field named files")
        self.files += 1
        # A script in a browser may send a path as the name; python-multipart keeps it.
        path = self._tree.new_path(filename)
        part.file = None if path is None else path.open("xb")

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        if part.file is not None:
            part.file.write(memoryview(data)[start:end])
        elif not part.is_file:
            limit = _LONG_FIELDS.get(part.name, _MAX_FIELD_BYTES)
            if len(part.value) + end - start > limit:
                raise ApiError(413, f"a field is longer than {format_bytes(limit)}; only files may be")
            part.value += data[start:end]

    def _end_part(self) -> None:
        if not self._part.is_file:
            self.fields[self._part.name] = _text(bytes(self._part.value))
        elif self._part.file is not None:
            self._part.file.close()
            self._part.file = None

    def _end(self) -> None:
        self._ended = True


def check_size(count: int, limit: int) -> None:
    """Reject a body that is larger than allowed."""
    if count > limit:
        raise ApiError(413, f"the upload is larger than {format_bytes(limit)}; upload less at a time")


def _extended_filename(disposition: bytes) -> str | None:
    """The name in ``filename*`` (RFC 5987) of a part without ``filename``; None if it has neither.

    Forms should not use it (RFC 7578, 4.2), but HTTP libraries do.

    >>> _extended_filename(b"form-data; name=files; filename*=UTF-8''M%C3%BCller.dcm")
    'Müller.dcm'
    """
    message = Message()
    message["content-disposition"] = disposition.decode("latin-1")
    return message.get_filename()


def _text(raw: bytes) -> str:
    """Decode UTF-8, as browsers send it, or else Latin-1, which never fails."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
