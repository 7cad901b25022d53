"""What is in the images, and what is not."""

import json
import re
from pathlib import Path

import pytest

from parley.bench.compose_stack import docker
from parley.errors import ServiceFailed
from tests.images.building import BASE, REVISION, ROOT, Image, lines_of

TOOLS = "cc c++ gcc g++ clang tcc ld as make cmake cargo pip pip3 uv easy_install git curl wget"
# Nothing is written while it looks, and what may not be entered cannot be written either.
WRITABLE = "find / -xdev ! -type l -writable -print 2>/dev/null || true"
PRIVILEGED = "find / -xdev -type f -perm /6000"
LEFT_BY_PACKAGE_MANAGERS = (
    "find /var/lib/apt/lists /var/cache/apt /var/log /root/.cache /tmp /var/tmp "
    "-type f -size +0 2>/dev/null || true"
)
DISTRIBUTIONS = """python - <<'END'
import re
from importlib.metadata import distributions
for one in distributions():
    print(re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(), one.version)
END"""
PACKAGES = "dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n'"
ROOT_USER = ("--user", "0:0")


def test_it_is_no_larger_than_it_has_to_be(image: Image) -> None:
    assert image.bytes_above_base() < image.recipe.most_mb * 1_000_000


def test_its_labels_say_what_it_is(image: Image) -> None:
    labels = image.config()["Labels"]
    prefix = "org.opencontainers.image."
    version = re.search(
        r'^version = "(.*)"$', (ROOT / "kit/pyproject.toml").read_text("utf-8"), re.MULTILINE
    )

    assert version
    assert labels[f"{prefix}version"] == version[1]
    assert labels[f"{prefix}revision"] == REVISION
    assert labels[f"{prefix}licenses"] == "Apache-2.0"
    assert labels[f"{prefix}base.name"] == BASE
    assert labels[f"{prefix}title"].startswith("Parley ")
    assert labels[f"{prefix}description"]


def test_it_runs_as_nobody_special(image: Image) -> None:
    assert image.config()["User"] == "10001:10001"
    assert image.says("id -u; id -g; id -G") == ["10001", "10001", "10001"]


def test_its_health_check_is_left_to_compose(image: Image) -> None:
    assert not image.config().get("Healthcheck")


def test_it_has_no_compiler_and_installs_nothing(image: Image) -> None:
    assert image.says(f"for tool in {TOOLS}; do command -v $tool; done; true") == []
    assert [line for line in image.says(PACKAGES) if re.search(r"-dev |python3-pip ", line)] == []


def test_no_pip_can_be_made_in_it(image: Image) -> None:
    if not image.recipe.lock:
        assert image.says("command -v python3; true") == []
        return
    for module in ("pip", "ensurepip"):
        with pytest.raises(ServiceFailed):
            image.says(f"python -m {module} --version")


def test_package_managers_left_nothing_behind(image: Image) -> None:
    of_the_base = lines_of(BASE, LEFT_BY_PACKAGE_MANAGERS, *ROOT_USER)

    assert {*lines_of(image.tag, LEFT_BY_PACKAGE_MANAGERS, *ROOT_USER)} <= {*of_the_base}


def test_nothing_in_it_is_its_own_to_change(image: Image) -> None:
    of_the_base = lines_of(BASE, WRITABLE, "--user", "10001:10001")

    assert {*image.says(WRITABLE)} <= {*of_the_base}
    assert {*of_the_base} == {"/tmp", "/var/tmp", "/run/lock"}


def test_nothing_in_it_gives_more_rights_than_in_the_base(image: Image) -> None:
    of_the_base = lines_of(BASE, PRIVILEGED, *ROOT_USER)

    assert {*lines_of(image.tag, PRIVILEGED, *ROOT_USER)} <= {*of_the_base}


def test_its_bill_of_materials_names_what_is_installed(image: Image) -> None:
    bill = json.loads("\n".join(image.says("cat /usr/share/parley/sbom.json")))
    named = {(one["name"], one["version"]) for one in bill["components"]}
    packages = {
        (package, version)
        for status, package, version in map(str.split, image.says(PACKAGES))
        if status == "installed"
    }
    python = [line.split() for line in image.says(DISTRIBUTIONS)] if image.recipe.lock else []

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == f"parley-{image.name}"
    assert named == packages | {(name, version) for name, version in python}
    for one in bill["components"]:
        assert one.keys() <= {"type", "name", "version", "purl", "licenses"}
        assert re.fullmatch(r"pkg:(pypi|deb/debian)/\S+@\S+", one["purl"])


def test_what_pip_installed_is_what_is_locked(image: Image) -> None:
    if not image.recipe.lock:
        return
    lock = (ROOT / f"requirements/{image.recipe.lock}.txt").read_text("utf-8")
    # Several of a name are for several Pythons.
    locked = set(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    installed = {(name, version) for name, version in map(str.split, image.says(DISTRIBUTIONS))}
    ours = {name for name, _ in installed - locked}

    assert ours == {"parley-kit", f"parley-{image.name}"}


PLANTED = (
    ".env",
    ".env.production",
    ".git/config",
    "secrets/api_keys",
    "certs/tls.key",
    "kit/.env",
    "kit/parley_kit/.env.local",
    "services/stt/.git/config",
    "services/gateway/conf/tls.key",
    "services/gateway/page/tls.pem",
    "services/llm/parley_llm/.netrc",
    "orchestrator/.pypirc",
    "orchestrator/parley_orchestrator/account.p12",
    "docs/.env",
    "requirements/.netrc",
    "services/tts/id_ed25519",
    "tests/secret",
)


def test_a_secret_beside_the_code_reaches_no_image(docker_engine: None, tmp_path: Path) -> None:
    """Whatever an image has of ours comes from the context, so that is looked at as a whole."""
    context, taken = tmp_path / "context", tmp_path / "taken"
    for name in PLANTED:
        path = context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a secret")
    kept = ("kit/parley_kit/auth.py", "docs/operations.md", "services/gateway/conf/nginx.conf")
    for name in (*kept, ".dockerignore"):
        (context / name).parent.mkdir(parents=True, exist_ok=True)
        (context / name).write_bytes((ROOT / name).read_bytes())
    recipe = tmp_path / "Dockerfile"
    recipe.write_text("FROM scratch\nCOPY . /\n")

    docker("build", "--quiet", "--file", str(recipe), "--output", str(taken), str(context))

    there = {str(path.relative_to(taken)) for path in taken.rglob("*") if path.is_file()}
    assert there == {*kept}
