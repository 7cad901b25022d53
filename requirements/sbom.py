"""What is in an image, as CycloneDX JSON: its Python distributions and its Debian packages.

    python sbom.py <name> <version>

Runs at the end of an image's build, so it needs nothing but the standard library.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

Component = dict[str, Any]

_COPYRIGHT = "/usr/share/doc/{}/copyright"
_LICENCE_PREFIX = "License :: "


def bill(name: str, version: str, components: Iterable[Component]) -> dict[str, Any]:
    """CycloneDX 1.5; the same for the same contents."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": name, "version": version}},
        "components": sorted(components, key=lambda component: component["purl"]),
    }


def python_components(found: Iterable[Distribution]) -> Iterator[Component]:
    """Each distribution once."""
    seen = set()
    for distribution in found:
        name = re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()
        if name in seen:
            continue
        seen.add(name)
        purl = f"pkg:pypi/{name}@{distribution.version}"
        yield _component(name, distribution.version, purl, python_licences(distribution))


def python_licences(distribution: Distribution) -> list[Component]:
    """From the SPDX expression, else the classifiers, else the first line of the free text."""
    metadata = distribution.metadata
    if expression := _field(distribution, "License-Expression"):
        return [{"expression": expression}]
    classifiers = metadata.get_all("Classifier") or ()
    names = [
        line.rpartition(" :: ")[2]
        for line in classifiers
        if line.startswith(_LICENCE_PREFIX) and not line.endswith(" :: OSI Approved")
    ]
    text = _field(distribution, "License").strip().partition("\n")[0]
    return _named(names or ([text] if text and text != "UNKNOWN" else []))


def debian_components(listing: str, copyright_of: dict[str, str]) -> Iterator[Component]:
    """
    Args:
        listing: a line `package version architecture` for each that is installed.
        copyright_of: the text of each package's copyright file.
    """
    for line in listing.splitlines():
        package, version, architecture = line.split()
        purl = f"pkg:deb/debian/{package}@{version.replace('+', '%2B')}?arch={architecture}"
        licences = debian_licences(copyright_of.get(package, ""))
        yield _component(package, version, purl, licences)


def debian_licences(text: str) -> list[Component]:
    """The names in a machine-readable copyright file; of other files none can be read."""
    if not text.startswith("Format:"):
        return []
    return _named(sorted(set(re.findall(r"^License:[ \t]*(\S.*?)[ \t]*$", text, re.MULTILINE))))


def _field(distribution: Distribution, name: str) -> str:
    return str((distribution.metadata.get_all(name) or [""])[0])


def _component(name: str, version: str, purl: str, licences: list[Component]) -> Component:
    component: Component = {"type": "library", "name": name, "version": version, "purl": purl}
    if licences:
        component["licenses"] = licences
    return component


def _named(names: Iterable[str]) -> list[Component]:
    return [{"license": {"name": name}} for name in names]


def _installed_debian_packages() -> str:
    form = "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"
    command = ["dpkg-query", "--show", f"--showformat={form}"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = (line.partition(" ") for line in listing.splitlines())
    return "\n".join(rest for status, _, rest in lines if status == "installed")


def _copyright_files(listing: str) -> dict[str, str]:
    texts = {}
    for line in listing.splitlines():
        package = line.split()[0]
        path = Path(_COPYRIGHT.format(package))
        if path.exists():
            texts[package] = path.read_text(encoding="utf-8", errors="replace")
    return texts


def main(name: str, version: str) -> None:
    listing = _installed_debian_packages()
    components = [
        *python_components(distributions()),
        *debian_components(listing, _copyright_files(listing)),
    ]
    json.dump(bill(name, version, components), sys.stdout, indent=1)


if __name__ == "__main__":
    main(*sys.argv[1:])
