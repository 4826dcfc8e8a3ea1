"""The announcement of a release: Markdown that can be posted as it is.

The notes are hostile text: no comment, fence or element that is left open in them swallows what comes after.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from hephaestus import markdown

__all__ = ["Announced", "text"]

# The page of a release on GitHub, below which its files are.
_PAGE = re.compile(r"(?P<home>https?://\S+?)/releases/tag/(?P<tag>\S+)")
# What is left as it is: an escaped sign, code within a line, and backticks that begin none.
_KEPT = r"\\[!-/:-@\[-`{-~]|(`++)[^\n]{1,2000}?(?<!`)\1(?!`)"
_HTML = re.compile(r"<(?=[A-Za-z/!?])(?!https?://|mailto:)")
_SPAN = re.compile(rf"{_KEPT}|(?P<loose>`++)|{_HTML.pattern}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Announced:
    """A published release, as far as readers are concerned.

    `url` is its page, `place` where it can be installed from, `files` the sha256 of each by its name, `archive` the
    name of its wheelhouse, `changelog` the path of that; `urgent` is a line that says why to hurry, or empty.
    """

    project: str
    version: str
    tag: str
    notes: str
    url: str
    place: str
    files: Mapping[str, str]
    archive: str
    changelog: str
    prerelease: bool = False
    urgent: str = ""


def text(told: Announced) -> str:
    """Return the announcement: what it is, what is new, how to install it, and where to read on."""
    parts = [f"# {told.project} {told.version}", told.urgent.strip()]
    if told.prerelease:
        parts.append("This is a pre-release: installers take it only where it is asked for by its version.")
    parts += [_contained(told.notes), "## Install", _installing(told), "## More", _links(told)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _contained(notes: str) -> str:
    """Return notes that end where they end, as Markdown where they are sound and word for word where they are not."""
    plain = _CONTROL.sub("", notes.replace("\r\n", "\n").replace("\r", "\n")).strip("\n")
    shown = _without_html(plain)
    # What stands after the notes must be what it is without them.
    if markdown.read(f"{shown}\n\n## Install\n").kinds[-1] == "heading":
        return shown
    return "\n".join(f"    {line}" for line in plain.splitlines())


def _without_html(text: str) -> str:
    """Return a Markdown text in which HTML is text; what is code stays."""
    document = markdown.read(text)
    lines = list(zip(document.lines, document.kinds, strict=True))
    # Backticks that begin no code on their line may do so with others further down, and turn inside and out around.
    loose = any(found["loose"] for line, kind in lines if kind != "code" for found in _SPAN.finditer(line))
    wanted = _HTML if loose else _SPAN
    shown = "".join(
        line if kind == "code" else wanted.sub(lambda found: "&lt;" if found[0] == "<" else found[0], line)
        for line, kind in lines
    )
    # A block of HTML that has become text may take a line with it that was code behind it.
    return shown if shown == text else _without_html(shown)


def _installing(told: Announced) -> str:
    wheels = [name for name in told.files if name.endswith("-none-any.whl")]
    lines = []
    if len(wheels) == 1:
        lines.append(f"With pip:\n\n    python -m pip install {_address(told, wheels[0])}")
    if told.archive in told.files:
        lines.append(
            f"With no network, from the wheelhouse [{told.archive}]({_address(told, told.archive)}), which holds"
            " everything it needs, verified:\n\n"
            f"    hephaestus release install --repository {shlex.quote(told.place)} --tag {shlex.quote(told.tag)}"
        )
        folder = told.archive.removesuffix(".tar.gz")
        lines.append(
            "or with pip alone, once it is downloaded:\n\n"
            f"    tar -xzf {told.archive}\n    cd {folder}\n"
            "    python -m pip install --no-index --find-links wheels --require-hashes -r requirements.txt"
        )
        lines.append(f"Its sha256 is `{told.files[told.archive]}`.")
    return "\n\n".join(lines)


def _links(told: Announced) -> str:
    lines = [f"- [The release {told.tag}]({told.url})"]
    page = _PAGE.fullmatch(told.url)
    if page:
        lines.append(f"- [All changes]({page['home']}/blob/{quote(told.tag, safe='')}/{quote(told.changelog)})")
    lines += [f"- [{name}]({_address(told, name)})" for name in told.files]
    return "\n".join(lines)


def _address(told: Announced, name: str) -> str:
    """Return from where a file of the release is downloaded."""
    page = _PAGE.fullmatch(told.url)
    if page:
        return f"{page['home']}/releases/download/{page['tag']}/{quote(name)}"
    return f"{told.url}/assets/{quote(name)}"
