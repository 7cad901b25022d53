"""Makes `.venv` from a hash-pinned lock file: `python3 bootstrap.py cli` or `... dev`.

`... kokoro` makes `.venv-kokoro` and `... vllm` makes `.venv-vllm`, with torch in them.

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
MEMBERS = {
    "cli": [
        "kit", "services/stt", "services/tts", "services/llm", "services/ws-llm", "orchestrator",
        "cli",
    ],
    "dev": [
        "kit", "services/stt", "services/tts", "services/llm", "services/ws-llm", "orchestrator",
        "cli",
    ],
    "kokoro": ["kit", "services/tts", "cli"],
    "vllm": ["kit", "services/llm"],
}  # fmt: skip
# In no lock file, because the build that fits differs from machine to machine: pip takes the one
# that it is led to (PIP_FIND_LINKS, PIP_EXTRA_INDEX_URL), by default the one for CUDA.
FIRST = {"kokoro": ["torch==2.13.0"], "vllm": ["torch==2.13.0"]}


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
    venv = os.path.join(ROOT, ".venv-" + name if name in FIRST else ".venv")
    stamp = os.path.join(venv, "parley-lock")
    python = os.path.join(venv, "bin", "python")
    wanted = fingerprint(name)
    if installed(stamp, python) in (wanted, fingerprint("dev")):
        return
    started = time.time()
    create_venv(venv, supported_python())
    if name in FIRST:
        install(python, "torch", FIRST[name], 30)
    # Where something came first, the lock file does not name what that needs.
    unlocked = ["--no-deps"] if name in FIRST else []
    lock = os.path.join("requirements", name + ".txt")
    install(python, "packages", ["--require-hashes", *unlocked, "-r", lock], count_packages(lock))
    editable = [arg for member in MEMBERS[name] for arg in ("-e", "./" + member)]
    install(
        python,
        "our own packages",
        ["--no-deps", "--no-build-isolation", *editable],
        len(MEMBERS[name]),
    )
    with open(stamp, "w") as file:
        file.write(wanted)
    say("Installed in %d s" % (time.time() - started))


def fingerprint(name):
    """Changes when the lock file or one of our own packages' metadata does."""
    digest = hashlib.sha256(" ".join([name, *FIRST.get(name, ())]).encode())
    files = [os.path.join("requirements", name + ".txt")]
    files += [os.path.join(member, "pyproject.toml") for member in MEMBERS[name]]
    for path in files:
        with open(os.path.join(ROOT, path), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def installed(stamp, python):
    if not os.path.exists(stamp) or not runs(python):
        return None
    with open(stamp) as file:
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


def create_venv(venv, python):
    if runs(os.path.join(venv, "bin", "python")):
        return
    name = os.path.basename(venv)
    say("Creating %s with %s" % (name, python))
    if os.path.isdir(venv):
        shutil.rmtree(venv)
    if subprocess.call([python, "-m", "venv", venv]) != 0:
        raise BootstrapError(
            "Could not create %s: install Python's venv module (python3-venv on Debian)." % name
        )


def runs(python):
    """Whether there is a Python of a supported version at a path."""
    code = "import sys; sys.exit(sys.version_info[:2] not in %r)" % (SUPPORTED,)
    return os.path.exists(python) and subprocess.call([python, "-c", code]) == 0


def count_packages(lock):
    with open(os.path.join(ROOT, lock)) as file:
        return sum(1 for line in file if "==" in line and not line.startswith(" "))


def install(python, what, arguments, total):
    """Run pip, showing how far it is."""
    command = [
        python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off",
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
