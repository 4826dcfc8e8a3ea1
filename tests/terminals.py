"""A terminal for tests, and what a person would see on it."""

from __future__ import annotations

import codecs
import contextlib
import os
import re


class Terminal:
    """A real pseudo-terminal that echoes the end of a line only, and all that was written to it."""

    def __init__(self, encoding: str = "utf-8") -> None:
        import pty
        import termios

        self.keyboard, line = pty.openpty()
        modes = termios.tcgetattr(line)
        modes[3] = (modes[3] & ~termios.ECHO) | termios.ECHONL
        termios.tcsetattr(line, termios.TCSANOW, modes)
        self.stream = open(line, "w", encoding=encoding)  # noqa: PTH123, SIM115  (a descriptor; closed by the fixture)
        self.input = open(os.dup(line), encoding=encoding)  # noqa: PTH123, SIM115  (the same)
        self.seen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def resize(self, columns: int) -> None:
        import termios

        termios.tcsetwinsize(self.stream.fileno(), (24, columns))

    def type(self, keys: str) -> None:
        os.write(self.keyboard, keys.encode())

    def until(self, *texts: str) -> None:
        """Read until each of the texts has come, after the one before it."""
        place = len(self.seen)
        for text in texts:
            while (found := self.seen.find(text, place)) < 0:
                self.seen += self._decoder.decode(os.read(self.keyboard, 65536))
            place = found + len(text)

    def all(self) -> str:
        """Hang up, and return all that was written."""
        self.stream.close()
        self.input.close()
        with contextlib.suppress(OSError):  # how Linux says that a terminal has ended
            while more := os.read(self.keyboard, 65536):
                self.seen += self._decoder.decode(more)
        return self.seen

    def screen(self, columns: int) -> list[str]:
        """Return the lines a person sees after all that was written."""
        rows: list[list[str]] = [[]]
        row = column = 0
        for number, order, letter in re.findall(r"\x1b\[([0-9;?]*)([A-Za-z])|(.)", self.seen, re.DOTALL):
            if order == "A":
                row -= int(number or 1)
            elif order == "K":
                rows[row] = []
            elif letter == "\r":
                column = 0
            elif letter == "\n" or (letter and column == columns):
                row, column = row + 1, 0
                rows += [[]] * (row == len(rows))
            assert order in set("AKmhl") | {""}
            if letter and letter not in "\r\n":
                rows[row] = [*rows[row], *" " * column][: max(column, len(rows[row]))]
                rows[row][column : column + 1] = [letter]
                column += 1
        return "\n".join("".join(line).rstrip() for line in rows).rstrip().split("\n")
