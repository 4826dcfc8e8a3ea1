"""Text that can only be read: whatever a tool, a changelog or a remote says, it moves no cursor and hides nothing."""

from __future__ import annotations

import re

__all__ = ["clean", "lines", "one_line", "took"]

# Escape sequences as ECMA-48 has them, each with its one-byte form, then every control character that is left.
_UNSAFE = re.compile(
    r"""
    (?: \x1b\[ | \x9b ) [0-?]* [ -/]* [@-~]                                    # colours, cursor, screen
    | (?: \x1b[\]PX^_] | [\x90\x98\x9d-\x9f] ) [^\x07\x1b\x9c\n]* (?: \x07 | \x1b\\ | \x9c )  # titles, links, devices
    | \x1b [ -/]* [0-~]                                                        # all other sequences
    | [\x00-\x08\x0b-\x1f\x7f-\x9f]                                            # control characters
    | [\u202a-\u202e\u2066-\u2069]                                             # letters shown in another order
    """,
    re.VERBOSE,
)
_NEWLINE = re.compile("\r\n|[\r\u2028\u2029]")
_UNDECODABLE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    """Return a text without escape sequences and control characters; only the ends of lines stay.

    A carriage return ends a line, a tab becomes spaces, and a byte that was no UTF-8 becomes U+FFFD.
    Cleaning twice changes nothing more.
    """
    if text.isprintable():  # as most texts are: none of what is taken away is printable
        return text
    ended = _NEWLINE.sub("\n", text)
    return _UNDECODABLE.sub("\ufffd", _UNSAFE.sub("", ended)).expandtabs()


def lines(text: str) -> list[str]:
    """Return the lines of a text, cleaned, without the blank ones and without blanks at their ends."""
    return [line.rstrip() for line in clean(text).split("\n") if line.strip()]


def one_line(text: str) -> str:
    """Return a text cleaned, with its lines put into one."""
    return " ".join(line.strip() for line in lines(text))


def took(seconds: float) -> str:
    """Return a time as people say it: `2.1 s`, or `3 min 07 s`; whole seconds stay whole."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{round(seconds, 1)} s"
