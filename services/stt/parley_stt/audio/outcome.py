"""The exit statuses of the decoder process that mean something to its parent."""

from enum import IntEnum


class Outcome(IntEnum):
    """What became of the upload."""

    DECODED = 0
    UNDECODABLE = 10
    TOO_LONG = 11
    OUT_OF_RANGE = 12
    TOO_LARGE = 13
