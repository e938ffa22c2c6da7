"""A codec for files that two programs wrote in two encodings: UTF-8, and what is none is read as Windows-1252.

Importing this module makes it known to Python under NAME.
"""

import codecs
from typing import Any, Final

NAME: Final = "utf_8_or_cp1252"
_STRAY: Final = "outreach.cp1252"


def _stray(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


def _decode(content: Any, errors: str = "strict") -> tuple[str, int]:  # noqa: ARG001 - strays have a way of their own
    return codecs.utf_8_decode(content, _STRAY, True)


class _Decoder(codecs.BufferedIncrementalDecoder):
    def _buffer_decode(self, input: Any, errors: str, final: bool) -> tuple[str, int]:  # noqa: A002, ARG002
        return codecs.utf_8_decode(input, _STRAY, final)


def _find(name: str) -> codecs.CodecInfo | None:
    if name != NAME:
        return None
    return codecs.CodecInfo(
        name=NAME,
        encode=codecs.utf_8_encode,
        decode=_decode,
        incrementalencoder=codecs.getincrementalencoder("utf-8"),  # asked for where the file could be written, too
        incrementaldecoder=_Decoder,
    )


codecs.register_error(_STRAY, _stray)
codecs.register(_find)
