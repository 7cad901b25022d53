"""What is looked for in an image, in the words of its shell; a command may find nothing."""

TOOLS = "cc c++ gcc g++ clang tcc ld as make cmake cargo pip pip3 uv easy_install git curl wget"
COMMANDS = {
    "ids": "id -u; id -g; id -G",
    "python": "command -v python3",
    "tools": f"for tool in {TOOLS}; do command -v $tool; done",
    "pip": "for module in pip ensurepip; do python3 -c \"import $module; print('$module')\" "
    "2>/dev/null; done",
    "packages": "dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n'",
    "distributions": """[ ! -x /opt/parley/bin/python ] || python - <<'END'
import re
from importlib.metadata import distributions
for one in distributions():
    print(re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(), one.version)
END""",
    "bill": "[ ! -e /usr/share/parley/sbom.json ] || cat /usr/share/parley/sbom.json; echo",
    "writable": "find / -xdev ! -type l -writable -print 2>/dev/null",
    "privileged": "find / -xdev -type f -perm /6000 2>/dev/null",
    "left by packages": "find /var/lib/apt/lists /var/cache/apt /var/log /root/.cache /tmp "
    "/var/tmp -type f -size +0 2>/dev/null",
}
