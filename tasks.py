"""The tasks of this repository, taken from the library as any project takes them: `invoke --list` shows them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "src"))  # the checkout answers where hephaestus is not installed

from hephaestus import ns

__all__ = ["ns"]
