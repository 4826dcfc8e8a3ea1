"""What a package says of its licence, as an SPDX expression where it can be read as one, and what a list allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PathDistribution

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from hephaestus.ui.text import one_line

__all__ = ["Allowed", "stated"]

# Classifiers that name one licence of SPDX; others, such as that of BSD, are the name of several.
_CLASSIFIERS = {
    "Academic Free License (AFL)": "AFL-3.0",
    "Apache Software License": "Apache-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "European Union Public Licence 1.1 (EUPL 1.1)": "EUPL-1.1",
    "European Union Public Licence 1.2 (EUPL 1.2)": "EUPL-1.2",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "zlib/libpng License": "Zlib",
}
_NOTHING = ("", "unknown", "osi approved")
_LONGEST = 120


@dataclass(frozen=True)
class Allowed:
    """Licences that are allowed: SPDX identifiers, and texts exactly as packages that know no SPDX state them."""

    licences: tuple[str, ...]

    def all(self, statements: Sequence[str]) -> bool:
        """Tell whether a package with these statements is allowed: each must be, and there must be one."""
        return bool(statements) and all(map(self.allows, statements))

    def allows(self, statement: str) -> bool:
        """Tell whether a statement is allowed: as it is written, or as an SPDX expression.

        `AND` needs both sides, `OR` one; an exception (`WITH`) takes nothing away from what its licence permits.
        """
        if statement.casefold() in self._known:
            return True
        expression = _expression(statement)
        return expression is not None and _Evaluation(expression, self._known).holds()

    @property
    def _known(self) -> frozenset[str]:
        return frozenset((_expression(each) or each).casefold() for each in self.licences) | frozenset(
            each.casefold() for each in self.licences
        )


class _Evaluation:
    """An SPDX expression, which packaging has found to be one, walked from the left."""

    def __init__(self, expression: str, known: frozenset[str]) -> None:
        self._words = expression.replace("(", " ( ").replace(")", " ) ").split()
        self._known = known

    def holds(self) -> bool:
        return self._any()

    def _any(self) -> bool:
        found = [self._all()]
        while self._take("OR"):
            found.append(self._all())
        return any(found)

    def _all(self) -> bool:
        found = [self._one()]
        while self._take("AND"):
            found.append(self._one())
        return all(found)

    def _one(self) -> bool:
        if self._take("("):
            found = self._any()
            self._take(")")
            return found
        licence = self._words.pop(0)
        exception = f"{licence} WITH {self._words.pop(0)}" if self._take("WITH") else licence
        return not self._known.isdisjoint({licence.casefold(), exception.casefold()})

    def _take(self, word: str) -> bool:
        if self._words[:1] == [word]:
            del self._words[0]
            return True
        return False


def stated(distribution: PathDistribution) -> tuple[str, ...]:
    """Return what an installed package says of its licence, all of which counts; nothing where it says nothing.

    That is its expression (PEP 639), else its `License` where that is an expression, else its classifiers, else
    its `License` where that is a short text.
    """
    text = _header(distribution, "License")
    for said in (_header(distribution, "License-Expression"), text):
        if (expression := _expression(said)) is not None:
            return (expression,)
    named = tuple(_classified(distribution.metadata.get_all("Classifier") or ()))
    if named:
        return named
    return (text,) if text.casefold() not in _NOTHING and len(text) <= _LONGEST else ()


def _header(distribution: PathDistribution, name: str) -> str:
    return one_line(" ".join(map(str, distribution.metadata.get_all(name) or ())))


def _classified(classifiers: Iterable[object]) -> Iterator[str]:
    for each in sorted(map(str, classifiers)):
        kind, _, rest = each.partition(" :: ")
        name = one_line(rest.rpartition(" :: ")[2])
        if kind == "License" and name.casefold() not in _NOTHING:
            yield _CLASSIFIERS.get(name, name)


def _expression(text: str) -> str | None:
    if not text or len(text) > _LONGEST * 10:
        return None
    try:
        return str(canonicalize_license_expression(text))
    except (InvalidLicenseExpression, RecursionError):
        return None
