"""The kinds of skill. Each file of this package is one; adding a kind is adding a file.

A kind's file has one function, `skill(name, labels, passages)`, which returns a `Skill`.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import iter_modules

from skills.errors import CannotTune
from skills.skill import Skill

Labels = Mapping[str, Sequence[str]]
"""The desk's labels by axis name; kinds with fixed labels ignore it."""
Passages = Mapping[str, Sequence[str]]
"""The desk's articles: slug to the texts that stand for it."""


def kinds() -> list[str]:
    """Return the names of every kind there is."""
    return sorted(module.name for module in iter_modules(__path__))


def make_skill(kind: str, name: str, labels: Labels, passages: Passages) -> Skill:
    """Return a desk's skill of this kind. Raises CannotTune for a kind that does not exist."""
    if kind not in kinds():
        raise CannotTune(f"There is no kind of skill called '{kind}'; there are {', '.join(kinds())}.")
    skill: Skill = import_module(f"skills.kinds.{kind}").skill(name, labels, passages)
    return skill
