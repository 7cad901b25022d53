"""Which settings are secret, told by their names."""

import re

_SECRET = re.compile(r"(?<!PER_)(KEYS?|SECRET|TOKEN|PASSWORD)(_FILE)?$")


def is_secret(name: str) -> bool:
    """Whether a setting of this name holds a secret, or a file of secrets."""
    return bool(_SECRET.search(name))
