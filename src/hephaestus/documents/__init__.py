"""What the documents of a project say: their links and anchors, their blocks of code, the versions they pin.

Documents are Markdown and reStructuredText. A `page` is one, read line by line; `links` finds where it leads, `anchors`
what can be led to, `blocks` its code and `pins` the versions of the project in it; `choose` tells which files are
documents, and which of them a site generator reads. All of it is text of others: it is read, and never obeyed.
"""

from __future__ import annotations

from hephaestus.documents.page import Page, parse

__all__ = ["Page", "parse"]
