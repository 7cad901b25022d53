"""The bill of materials that each image carries."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.images.scripts import REQUIREMENTS, Installed, script


@pytest.fixture(scope="module")
def sbom() -> ModuleType:
    return script("sbom")


def test_a_distribution_is_named_as_the_index_names_it(sbom: ModuleType) -> None:
    (component,) = sbom.python_components([Installed(), Installed()])
    assert component == {
        "type": "library",
        "name": "a-package",
        "version": "1.2",
        "purl": "pkg:pypi/a-package@1.2",
    }


@pytest.mark.parametrize(
    ("fields", "licences"),
    [
        ({"License_Expression": "MIT OR Apache-2.0"}, [{"expression": "MIT OR Apache-2.0"}]),
        (
            {"Classifier": ["License :: OSI Approved", "License :: OSI Approved :: BSD License"]},
            [{"license": {"name": "BSD License"}}],
        ),
        ({"License": "Zlib"}, [{"license": {"name": "Zlib"}}]),
        ({"License": "UNKNOWN"}, []),
        ({}, []),
    ],
)
def test_its_licence_is_read_where_it_says_it_best(
    sbom: ModuleType, fields: dict[str, str | list[str]], licences: object
) -> None:
    assert sbom.python_licences(Installed(**fields)) == licences


def test_a_debian_package_has_the_licences_of_its_copyright_file(sbom: ModuleType) -> None:
    text = (
        "Format: https://example.org/1.0\n\nFiles: *\nLicense: GPL-2+\n\nFiles: x\nLicense: MIT\n"
    )
    first, second = sbom.debian_components("zlib1g 1:1.2+b1 amd64\nold 1 all", {"zlib1g": text})
    assert first["purl"] == "pkg:deb/debian/zlib1g@1:1.2%2Bb1?arch=amd64"
    assert first["licenses"] == [{"license": {"name": "GPL-2+"}}, {"license": {"name": "MIT"}}]
    assert "licenses" not in second


def test_prose_is_not_taken_for_a_licence(sbom: ModuleType) -> None:
    assert sbom.debian_licences("This package is free.\nLicense: see below\n") == []


@pytest.mark.skipif(not Path("/usr/bin/dpkg-query").exists(), reason="not a Debian machine")
def test_the_bill_of_this_machine_names_what_is_installed_and_nothing_twice() -> None:
    command = [sys.executable, str(REQUIREMENTS / "sbom.py"), "parley-test", "1.0"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert told["bomFormat"] == "CycloneDX"
    assert told["metadata"]["component"]["name"] == "parley-test"
    purls = [component["purl"] for component in told["components"]]
    assert len(purls) == len(set(purls))
    assert any(purl.startswith("pkg:pypi/fastapi@") for purl in purls)
    assert any(purl.startswith("pkg:deb/debian/dpkg@") for purl in purls)
