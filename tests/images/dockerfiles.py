"""What every Dockerfile of ours keeps to, as rules over its text; pure."""

import re
from collections.abc import Iterator, Mapping

_FETCHES = re.compile(r"(?<![\w-])(pip3?|uv pip)\s.*?(?<![\w-])(install|download|wheel)(?![\w-])")
_FROM = re.compile(r"^FROM\s+(?:--\S+\s+)*(?P<base>\S+)(?:\s+AS\s+(?P<stage>\S+))?", re.IGNORECASE)
_REFERENCE = re.compile(r"^(?P<name>[^@]+?)(?::(?P<tag>[\w][\w.-]*))?(?P<digest>@sha256:\w{64})?$")


def instructions(dockerfile: str) -> Iterator[str]:
    """Each on one line, without comments."""
    kept = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\s*\n", " ", "\n".join(kept)).splitlines():
        if line.strip():
            yield line.strip()


def unpinned_bases(dockerfile: str) -> list[str]:
    """The images that it begins with or copies from, its own stages apart, that name no version.

    Arguments have their defaults; one without a default makes an image that is not pinned.
    """
    stages = {"scratch"}
    arguments: dict[str, str] = {}
    unpinned = []
    for line in instructions(dockerfile):
        arguments |= _default(line)
        if begins := _FROM.match(line):
            sources, stage = [begins["base"]], begins["stage"]
        else:
            sources, stage = re.findall(r"(?:--from=|,from=)([^\s,]+)", line), None
        named = [substituted(source, arguments) for source in sources]
        unpinned += [name for name in named if name not in stages and not is_pinned(name)]
        stages |= {stage} if stage else set()
    return unpinned


def _default(line: str) -> Mapping[str, str]:
    found = re.match(r"ARG\s+(\w+)=(\S*)$", line)
    return {found[1]: found[2].strip("\"'")} if found else {}


def substituted(text: str, arguments: Mapping[str, str]) -> str:
    """With the arguments in the places of their names, else the defaults that are given there."""
    return re.sub(
        r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))",
        lambda found: arguments.get(found[1] or found[3]) or found[2] or "",
        text,
    )


def is_pinned(image: str) -> bool:
    """Whether a reference has a digest, or a tag that is not `latest`."""
    found = _REFERENCE.match(image)
    return bool(found and (found["digest"] or found["tag"] not in (None, "latest")))


def unlocked_installs(dockerfile: str) -> list[str]:
    """The commands by which pip takes something that no hash names."""
    return [
        command.strip()
        for line in instructions(dockerfile)
        for command in re.split(r"&&|\|\||;|\bthen\b|\belse\b", line)
        if _FETCHES.search(command) and not re.search(r"--(require-hashes|no-index)(\s|$)", command)
    ]


def health_checks(dockerfile: str) -> list[str]:
    """Those of the image: it is Compose that has one for each service."""
    return [line for line in instructions(dockerfile) if line.upper().startswith("HEALTHCHECK")]
