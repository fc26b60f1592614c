"""Files of what was fitted to one model's embeddings: JSON that names the model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import Call, InputError
from ..files import opened_file, written_whole

if TYPE_CHECKING:
    from ..encoder import LocationEncoder

VERSION = 1
_LARGEST_FILE = 2**24


@dataclass(frozen=True)
class FittedFile:
    """One kind of such files.

    Attributes:
        format: what the file says it is.
        what: what it holds, as in messages: "basis", "clusters".
        made: how it came about: "was fitted", "were found".
        wrong: what is said of another file: "is no basis", "holds no clusters".
        writer: the call that writes one.
    """

    format: str
    what: str
    made: str
    wrong: str
    writer: Call

    def save(
        self,
        path: str | os.PathLike[str],
        content: Mapping[str, Any],
        *,
        model: str,
        sha256: str,
        overwrite: bool = False,
    ) -> None:
        """Write `content` with the model that it belongs to.

        Raises:
            OutputError: the file cannot be written, or exists and may not be replaced.
        """
        head = {"format": self.format, "version": VERSION, "model": model, "weights_sha256": sha256}
        with written_whole(path, overwrite=overwrite) as temporary:
            temporary.write_text(json.dumps({**head, **content}, indent=1) + "\n", "utf-8")

    def load(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """Read what `save` wrote; whether the content is whole is for the caller to see.

        Raises:
            InputError: missing, unreadable, of another kind or version.
        """
        file = Path(path)
        wrong = InputError(f"{file} {self.wrong}: give a file that ", self.writer, " wrote")
        try:
            with opened_file(file) as stream:
                text = stream.read(_LARGEST_FILE + 1)
            if len(text) > _LARGEST_FILE:
                raise wrong
            content = json.loads(text.decode("utf-8"))
        except FileNotFoundError:
            exist = "do not exist" if self.made.startswith("were") else "does not exist"
            raise InputError(
                f"the {self.what} {file} {exist}: ", self.writer, " writes it"
            ) from None
        except OSError as error:
            raise InputError(
                f"cannot read the {self.what} file {file}: {error.strerror}"
            ) from error
        except (ValueError, RecursionError):
            raise wrong from None
        if not isinstance(content, dict) or content.get("format") != self.format:
            raise wrong
        if content.get("version") != VERSION:
            raise InputError(
                f"the {self.what} file {file} has version {content.get('version')}, not {VERSION}: "
                "it was written by another release"
            )
        return content

    def damaged(self, path: str | os.PathLike[str]) -> InputError:
        """The error for a file whose content is not whole."""
        return InputError(
            f"the {self.what} file {path} is damaged: ", self.writer, " writes it again"
        )

    def check(self, model: str, sha256: str, encoder: LocationEncoder) -> None:
        """Refuse an encoder other than the one that something was fitted for.

        Raises:
            InputError: it is another model.
        """
        if sha256 != encoder.sha256:
            raise InputError(
                f"the {self.what} {self.made} for the model {model} ({sha256[:12]}…), not for "
                f"{encoder.name} ({encoder.sha256[:12]}…): use that model, or begin anew"
            )
