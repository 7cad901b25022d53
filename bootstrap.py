"""Makes `.venv` from a hash-pinned lock file: `python3 bootstrap.py cli` or `... dev`.

Plain standard library, and a syntax that older Pythons parse, so that they can be told so.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

SUPPORTED = ((3, 12), (3, 11))
ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "parley-lock")
MEMBERS = {
    "cli": ["kit", "services/stt", "services/tts", "services/llm", "services/ws-llm", "cli"],
    "dev": [
        "kit", "services/stt", "services/tts", "services/llm", "services/ws-llm", "orchestrator",
        "cli",
    ],
}  # fmt: skip


class BootstrapError(Exception):
    """Ends the bootstrap with a sentence that says what to do."""


def main(name):
    try:
        ensure(name)
    except BootstrapError as exc:
        sys.stderr.write("parley: %s\n" % exc)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def ensure(name):
    """Install what lock file `name` holds, unless it is there already."""
    wanted = fingerprint(name)
    if installed() in (wanted, fingerprint("dev")):
        return
    python = supported_python()
    started = time.time()
    create_venv(python)
    lock = os.path.join("requirements", name + ".txt")
    install("packages", ["--require-hashes", "-r", lock], count_packages(lock))
    editable = [arg for member in MEMBERS[name] for arg in ("-e", "./" + member)]
    install(
        "our own packages", ["--no-deps", "--no-build-isolation", *editable], len(MEMBERS[name])
    )
    with open(STAMP, "w") as file:
        file.write(wanted)
    say("Installed in %d s" % (time.time() - started))


def fingerprint(name):
    """Changes when the lock file or one of our own packages' metadata does."""
    digest = hashlib.sha256(name.encode())
    files = [os.path.join("requirements", name + ".txt")]
    files += [os.path.join(member, "pyproject.toml") for member in MEMBERS[name]]
    for path in files:
        with open(os.path.join(ROOT, path), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def installed():
    if not os.path.exists(STAMP) or not runs(PYTHON):
        return None
    with open(STAMP) as file:
        return file.read()


def supported_python():
    """This Python, or another one on the PATH."""
    if sys.version_info[:2] in SUPPORTED:
        return getattr(sys, "_base_executable", sys.executable)
    for version in SUPPORTED:
        found = shutil.which("python%d.%d" % version)
        if found and runs(found):
            return found
    raise BootstrapError(
        "Python %d.%d cannot run Parley: install Python 3.12 or 3.11, then run this again."
        % sys.version_info[:2]
    )


def create_venv(python):
    if runs(PYTHON):
        return
    say("Creating .venv with %s" % python)
    if os.path.isdir(VENV):
        shutil.rmtree(VENV)
    if subprocess.call([python, "-m", "venv", VENV]) != 0:
        raise BootstrapError(
            "Could not create .venv: install Python's venv module (python3-venv on Debian)."
        )


def runs(python):
    """Whether there is a Python of a supported version at a path."""
    code = "import sys; sys.exit(sys.version_info[:2] not in %r)" % (SUPPORTED,)
    return os.path.exists(python) and subprocess.call([python, "-c", code]) == 0


def count_packages(lock):
    with open(os.path.join(ROOT, lock)) as file:
        return sum(1 for line in file if "==" in line and not line.startswith(" "))


def install(what, arguments, total):
    """Run pip, showing how far it is."""
    command = [
        PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off",
        "--retries", "2",
    ]  # fmt: skip
    child = subprocess.Popen(
        command + arguments,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
    )
    lines = []
    seen = 0
    for line in child.stdout:
        lines.append(line.rstrip())
        if line.startswith(("Collecting ", "Obtaining ", "Processing ")):
            seen += 1
            progress("Installing %s: %d of at most %d" % (what, seen, total))
        elif line.startswith("Installing collected"):
            progress("Installing %s: unpacking" % what)
    progress("")
    if child.wait() != 0:
        raise BootstrapError(
            "Could not install %s: pip needs a package index that it can reach; "
            "if yours is not the default one, set PIP_INDEX_URL. Pip said:\n  %s"
            % (what, "\n  ".join(last_words(lines)))
        )


def last_words(lines):
    errors = [line for line in lines if line.startswith("ERROR:")]
    return (errors or lines)[-2:]


def progress(text):
    """A line that replaces itself; nothing where nobody looks."""
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K" + text)
        sys.stdout.flush()


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
