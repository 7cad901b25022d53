"""Whether what a lock file put into somebody else's Python agrees with what was there.

    python agreement.py <lock file> [<distribution> ...]

Two-sided, for each distribution of the lock file and each that is named: what it requires is
there, and it is what those that were there require. What they require of each other is theirs.
Needs `packaging`, which that Python has to have.
"""

import re
import sys
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def locked_names(lock: str) -> set[str]:
    """Of the distributions in the text of a lock file."""
    return {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}


def disagreements(ours: Collection[str], installed: Iterable[Distribution]) -> Iterator[str]:
    """A sentence for each requirement that is not met, if it is of `ours` or for one of them."""
    there = {canonicalize_name(one.metadata["Name"]): one for one in installed}
    yield from (f"{name} is not installed" for name in sorted(set(ours) - there.keys()))
    for name, one in sorted(there.items()):
        for requirement in map(Requirement, one.requires or ()):
            wanted = canonicalize_name(requirement.name)
            if (name in ours or wanted in ours) and _applies(requirement):
                yield from _unmet(name, requirement, there.get(wanted))


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _unmet(name: str, requirement: Requirement, found: Distribution | None) -> Iterator[str]:
    if found is None:
        yield f"{name} requires {requirement}, which is not installed"
    elif not requirement.specifier.contains(found.version, prereleases=True):
        yield f"{name} requires {requirement}, and {found.version} is installed"


def main(lock: str, *names: str) -> int:
    """The exit status: 1 where something disagrees."""
    ours = locked_names(Path(lock).read_text(encoding="utf-8")) | set(names)
    found = list(disagreements(ours, distributions()))
    sys.stderr.writelines(f"{sentence}\n" for sentence in found)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
