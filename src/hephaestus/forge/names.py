"""Names that are good on every system, and the version in a tag: hostile input becomes a file name or an error."""

from __future__ import annotations

import contextlib
import re
from urllib.parse import quote

from packaging.version import Version

from hephaestus.errors import UsageError

__all__ = ["asset_name", "component", "version"]

# The name a directory of releases keeps for itself.
_OWN = "latest.json"

# File systems allow 255 bytes; temporary names are a little longer than the name they stand for.
_LONGEST = 200
# Names that are devices on Windows, with any ending.
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
# What a file name cannot hold on one of the systems that users have.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\ud800-\udfff]')
# Where a version may begin in a tag: at its start or after a separator, as in v1.2.0 and name-1.2.0.
_BEGINNING = re.compile(r"(?:^|[^0-9A-Za-z.+!])(?=[vV]?\d)")


def component(text: str) -> str:
    """Return a text as one visible file name that is good on every system; `urllib.parse.unquote` reads it back.

    Letters, digits and `.` `-` `_` `~` `+` inside the name are kept, all else is percent-encoded (RFC 3986), and so
    is a character that would make the name hidden, an option, a Windows device or the name of our own file.

    Raises `UsageError` where the text is empty, too long or no Unicode text.
    """
    try:
        name = quote(text, safe="+")
        wrong = None if name else "it is empty"
    except UnicodeEncodeError:
        name, wrong = "", "it is not Unicode text"
    if len(name) > _LONGEST:
        wrong = f"it is longer than {_LONGEST} bytes when it is written as a file name"
    if wrong:
        raise UsageError(f"{text!r} cannot be the name of a folder of releases: {wrong}", "git tag --list")
    if name[0] in "-._~+" or _DEVICE.fullmatch(name) or name.lower() == _OWN:
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return f"{name[:-1]}%2E" if name.endswith(".") else name


def asset_name(name: str) -> str:
    """Return the name of an asset if users of every system can keep a file under it."""
    wrong = {
        "it is empty": not name,
        "it is hidden": name.startswith("."),
        "it has a character that some systems do not allow": _FORBIDDEN.search(name),
        "it ends with a dot or a space": name.endswith((".", " ")),
        "it is the name of a device on Windows": _DEVICE.fullmatch(name),
        f"it is longer than {_LONGEST} bytes": len(name.encode(errors="replace")) > _LONGEST,
    }
    for reason, found in wrong.items():
        if found:
            raise UsageError(f"{name!r} cannot be the name of an asset: {reason}")
    return name


def version(tag: str) -> Version | None:
    """Return the PEP 440 version a tag ends with, the longest that there is."""
    for beginning in _BEGINNING.finditer(tag):
        with contextlib.suppress(ValueError):
            return Version(tag[beginning.end() :])
    return None
