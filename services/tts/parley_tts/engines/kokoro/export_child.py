"""Turns torch's files into ONNX's and numpy's; a process of its own, so that torch goes with it.

    python -m parley_tts.engines.kokoro.export_child <model directory> <folder for the results>

Writes JSON lines: `{"stage": what}` as it goes on, and at last `{"done": true}`, `{"refused": why}`
or `{"failed": why}`.
"""

import asyncio
import json
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parley_kit.confinement import confine
from parley_kit.errors import SettingsError

MODEL = "model.onnx"
VOICES = "voices.npz"
_OPSET = 17
_EXAMPLE_PHONEMES = 48
_DEVIATION = 0.1


def tell(**news: object) -> None:
    os.write(1, json.dumps(news).encode() + b"\n")


def export(directory: Path, folder: Path) -> None:
    """
    Raises:
        SettingsError: the files are not those of a Kokoro model.
    """
    import numpy as np

    from parley_kit.downloads import Download
    from parley_tts.engines.kokoro import kmodel, weights

    files = asyncio.run(weights.find(str(directory), Download()))
    tell(stage="reading the voices")
    packs: Mapping[str, Any] = kmodel.packs(files.voices)
    np.savez(folder / VOICES, **packs)
    tell(stage="loading the weights")
    model = kmodel.load(files.config, files.weights, disable_complex=True)
    tell(stage="exporting to ONNX")
    _export(model, folder / MODEL)


def _export(model: Any, file: Path) -> None:
    import torch
    from kokoro.model import KModelForONNX

    torch.manual_seed(0)
    ids = torch.randint(1, 100, (1, _EXAMPLE_PHONEMES))
    style = _DEVIATION * torch.randn(1, 256)
    torch.onnx.export(
        KModelForONNX(model).eval(),
        (ids, style, torch.tensor(1.0)),
        str(file),
        input_names=["ids", "style", "speed"],
        output_names=["audio", "durations"],
        dynamic_axes={
            "ids": {1: "phonemes"},
            "audio": {0: "samples"},
            "durations": {0: "phonemes"},
        },
        opset_version=_OPSET,
        # The newer exporter does not understand the loops over packed sequences.
        dynamo=False,
    )


def main() -> None:
    confine()
    warnings.simplefilter("ignore")  # torch's, on what it deprecates in kokoro
    try:
        export(Path(sys.argv[1]), Path(sys.argv[2]))
    except SettingsError as exc:
        tell(refused=str(exc))
    except Exception as exc:  # noqa: BLE001  # whatever it is, the parent logs it
        tell(failed=f"{type(exc).__name__}: {exc}"[:500])
    else:
        tell(done=True)


if __name__ == "__main__":
    main()
