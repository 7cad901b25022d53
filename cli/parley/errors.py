"""What the command line says when it cannot go on.

CliError                 one sentence on what is wrong and one on what to do; exit status 1
├── BadInput             the arguments or a file they name; exit status 2
└── ServiceFailed        a service did not do what it was asked
"""

from typing import ClassVar


class CliError(Exception):
    """Ends the command with a message for a person."""

    exit_status: ClassVar[int] = 1


class BadInput(CliError):
    """The arguments or a file they name cannot be used."""

    exit_status = 2


class ServiceFailed(CliError):
    """A service did not do what it was asked."""
