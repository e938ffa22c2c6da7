"""Files people send us stay in memory until they are sealed: the usual temporary file would hold them in plain text."""

from io import BytesIO
from typing import IO

import flask


class Request(flask.Request):
    """A request whose uploads touch no disk. How large one may be is written on its route (auth.requires)."""

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 - Werkzeug's signature
        content_type: str | None,  # noqa: ARG002
        filename: str | None = None,  # noqa: ARG002
        content_length: int | None = None,  # noqa: ARG002
    ) -> IO[bytes]:
        return BytesIO()
