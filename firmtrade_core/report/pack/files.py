"""The pack as files, each by its format, and all of them in one archive."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from firmtrade_core.report.pack.content import Pack
from firmtrade_core.report.pack.page import to_page
from firmtrade_core.report.pack.pdf import to_pdf
from firmtrade_core.report.pack.powerpoint import to_powerpoint
from firmtrade_core.report.pack.word import to_word


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Parameters
    ----------
    label
        As people call it.
    ending, mime
        Of its file name, and as browsers are told.
    write
    """

    label: str
    ending: str
    mime: str
    write: Callable[[Pack], bytes]


_OFFICE = "application/vnd.openxmlformats-officedocument"

FORMATS: tuple[Format, ...] = (
    Format("PDF", "pdf", "application/pdf", to_pdf),
    Format("PowerPoint", "pptx", f"{_OFFICE}.presentationml.presentation", to_powerpoint),
    Format("Word", "docx", f"{_OFFICE}.wordprocessingml.document", to_word),
    Format("Web page", "html", "text/html", to_page),
)


def all_files(pack: Pack, stem: str) -> bytes:
    """All formats and the scenario in one ZIP archive.

    Parameters
    ----------
    pack
    stem
        Of the files' names.
    """
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in FORMATS:
            archive.writestr(f"{stem}.{one.ending}", one.write(pack))
        archive.writestr(f"{stem}.yaml", pack.yaml)
    return held.getvalue()
