"""Libraries that tell their makers about this machine are told not to."""

import os

_REFUSALS = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")


def refuse_telemetry() -> None:
    """Call it before such a library is imported; it holds for the process.

    ONNX Runtime 1.31 keeps an id of the machine, sends it to Microsoft with each model's figures,
    and holds up the end of a process that cannot reach them by up to ten seconds. Its own
    `disable_telemetry_events` comes too late for the id.
    """
    os.environ.update(dict.fromkeys(_REFUSALS, "1"))
