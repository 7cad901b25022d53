"""What is in the images, and what is not."""

import json
import re
from pathlib import Path

from parley.bench.compose_stack import docker
from tests.images.building import BASE, REVISION, ROOT, Image, examine
from tests.images.survey import COMMANDS


def test_it_is_no_larger_than_it_has_to_be(image: Image, base: Image) -> None:
    assert image.bytes - base.bytes < image.recipe.most_mb * 1_000_000


def test_its_labels_say_what_it_is(image: Image) -> None:
    labels = image.config["Labels"]
    prefix = "org.opencontainers.image."
    kit = (ROOT / "kit/pyproject.toml").read_text("utf-8")
    version = re.search(r'^version = "(.*)"$', kit, re.MULTILINE)

    assert version
    assert labels[f"{prefix}version"] == version[1]
    assert labels[f"{prefix}revision"] == REVISION
    assert labels[f"{prefix}licenses"] == "Apache-2.0"
    assert labels[f"{prefix}base.name"] == BASE
    assert labels[f"{prefix}title"].startswith("Parley ")
    assert labels[f"{prefix}description"]


def test_it_runs_as_nobody_special(image: Image) -> None:
    assert image.config["User"] == "10001:10001"
    assert image.seen["ids"] == ["10001", "10001", "10001"]


def test_its_health_check_is_left_to_compose(image: Image) -> None:
    assert not image.config.get("Healthcheck")


def test_it_has_no_compiler_and_installs_nothing(image: Image) -> None:
    packages = "\n".join(image.seen["packages"])

    assert image.seen["tools"] == []
    assert image.seen["pip"] == []
    assert re.findall(r"^installed (\S+-dev|python3-pip) ", packages, re.MULTILINE) == []


def test_it_has_python_where_it_needs_it(image: Image) -> None:
    assert bool(image.seen["python"]) == bool(image.recipe.lock)


def test_package_managers_left_nothing_behind(image: Image, base: Image) -> None:
    left, of_the_base = (one.seen_by_root["left by packages"] for one in (image, base))

    assert {*left} <= {*of_the_base}


def test_nothing_in_it_is_its_own_to_change(image: Image, base: Image) -> None:
    assert {*base.seen["writable"]} == {"/tmp", "/var/tmp", "/run/lock"}
    assert {*image.seen["writable"]} <= {*base.seen["writable"]}


def test_nothing_in_it_gives_more_rights_than_in_the_base(image: Image, base: Image) -> None:
    privileged, of_the_base = (one.seen_by_root["privileged"] for one in (image, base))

    assert of_the_base
    assert {*privileged} <= {*of_the_base}


def test_its_bill_of_materials_names_what_is_installed(image: Image) -> None:
    bill = json.loads("\n".join(image.seen["bill"]))
    named = {(one["name"], one["version"]) for one in bill["components"]}
    states = (line.split() for line in image.seen["packages"])
    packages = {(name, version) for state, name, version in states if state == "installed"}

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == f"parley-{image.name}"
    assert packages
    assert named == packages | distributions(image)
    for one in bill["components"]:
        assert one.keys() <= {"type", "name", "version", "purl", "licenses"}
        assert re.fullmatch(r"pkg:(pypi|deb/debian)/\S+@\S+", one["purl"])


def test_what_pip_installed_is_what_is_locked(image: Image) -> None:
    if not image.recipe.lock:
        assert distributions(image) == set()
        return
    lock = (ROOT / f"requirements/{image.recipe.lock}.txt").read_text("utf-8")
    # Several of a name are for several Pythons.
    locked = set(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    ours = {name for name, _ in distributions(image) - locked}

    assert ours == {"parley-kit", f"parley-{image.name}"}


def distributions(image: Image) -> set[tuple[str, str]]:
    """Of Python, each with its version."""
    return {(name, version) for name, version in map(str.split, image.seen["distributions"])}


SPOILT = f"""FROM {BASE}
RUN install -m 4755 /bin/true /usr/bin/mine && install -m 755 /bin/true /usr/bin/gcc \\
    && mkdir -m 777 /opt/open && echo list >/var/lib/apt/lists/one
"""


def test_a_survey_finds_what_it_looks_for(base: Image, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(SPOILT)
    tag = "parley-test/spoilt:built"
    docker("build", "--quiet", "--tag", tag, str(tmp_path))
    spoilt = examine("spoilt", tag, COMMANDS, "--user", "10001:10001")
    docker("image", "rm", tag)

    assert spoilt.seen["tools"] == ["/usr/bin/gcc"]
    assert {*spoilt.seen["writable"]} - {*base.seen["writable"]} == {"/opt/open"}
    assert {*spoilt.seen_by_root["privileged"]} - {*base.seen_by_root["privileged"]} == {
        "/usr/bin/mine"
    }
    assert "/var/lib/apt/lists/one" in spoilt.seen_by_root["left by packages"]


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
