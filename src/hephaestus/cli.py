"""The program `hephaestus`: the same words as the Invoke tasks. Nothing heavy is imported to say the version."""

import sys

from hephaestus import __version__

__all__ = ["main"]


def main() -> None:
    """Run the program with the arguments of the process, and exit with a code of the table in `errors`."""
    if sys.argv[1:2] in (["--version"], ["-V"]):
        print(f"hephaestus {__version__}")  # noqa: T201  (the one answer that loads nothing)
        return
    try:
        from hephaestus.program import program

        program().run()
    except KeyboardInterrupt:
        # Before a task has begun there is nothing to say; the code is that of `Interrupted`.
        sys.exit(130)
