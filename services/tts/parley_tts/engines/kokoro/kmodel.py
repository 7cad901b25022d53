"""Kokoro's own torch model, from its files: loaded whole or not at all.

`KModel` reads weights itself, but too forgivingly: where names do not fit it drops their first
seven characters and takes what then fits, be it nothing.
"""

import io
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from kokoro import KModel
from numpy.typing import NDArray

from parley_kit.errors import SettingsError

_PREFIX = "module."
_REPOSITORY = "hexgrad/Kokoro-82M"  # silences a warning; nothing is fetched from it


def load(config: Path, weights: Path, *, disable_complex: bool = False) -> Any:
    """The model on the CPU, for inference, its weight norm fused into the weights.

    Args:
        disable_complex: without complex numbers, which ONNX lacks.

    Raises:
        SettingsError: these are no files of such a model.
    """
    model = _empty(json.loads(config.read_text(encoding="utf-8")), disable_complex)
    names = set(model.state_dict())
    found = {
        f"{part}.{name.removeprefix(_PREFIX)}": tensor
        for part, tensors in _read(weights).items()
        for name, tensor in tensors.items()
    }
    missing = [name for name in names - set(found) if not name.startswith(_STFT)]
    if missing or set(found) - names:
        raise SettingsError(
            f"TTS_MODEL: {weights.name} does not fit its config.json: "
            f"{len(missing)} of {len(names)} parts are missing, "
            f"{len(set(found) - names)} have no place."
        )
    _fill(model, found, weights)
    model.eval()
    _fuse_weight_norm(model)
    if disable_complex:
        _correct(model.decoder.generator.stft)
    return model


_STFT = "decoder.generator.stft."
"""What it computes itself; not in the file."""


def packs(files: Mapping[str, Path]) -> dict[str, NDArray[np.float32]]:
    """The styles of each voice, of shape (longest, width).

    Raises:
        SettingsError: a file has no styles.
    """
    return {voice: _pack(file) for voice, file in files.items()}


def _empty(config: dict[str, Any], disable_complex: bool) -> Any:
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, on what it deprecates in kokoro
            return KModel(_REPOSITORY, config, nothing, disable_complex=disable_complex)
    except (KeyError, TypeError, ValueError) as exc:
        raise SettingsError("TTS_MODEL: config.json is not that of a Kokoro model.") from exc


def _read(file: Path) -> Any:
    """
    Raises:
        SettingsError: it is not such a file, or more than tensors.
    """
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as exc:  # whatever torch makes of bytes that are not its own
        raise SettingsError(f"TTS_MODEL: {file.name} cannot be loaded.") from exc


def _fill(model: Any, tensors: Mapping[str, Any], weights: Path) -> None:
    try:
        model.load_state_dict(tensors, strict=False)
    except RuntimeError as exc:
        raise SettingsError(
            f"TTS_MODEL: the sizes in {weights.name} are not those of its config.json."
        ) from exc


def _fuse_weight_norm(model: Any) -> None:
    """What is worked out of two parameters in every call becomes one, once."""
    for module in model.modules():
        if torch.nn.utils.parametrize.is_parametrized(module, "weight"):
            torch.nn.utils.parametrize.remove_parametrizations(module, "weight")
        elif hasattr(module, "weight_g"):
            torch.nn.utils.remove_weight_norm(module)


def _correct(stft: Any) -> None:
    """Make Kokoro's Fourier transform without complex numbers the same as that with them.

    Its inverse counts the frequencies between the first and the last once, which stand for their
    negatives as well, and leaves out how much the windows overlap: the speech is 2.5 dB too
    quiet, and its lowest and highest frequencies are 3.5 dB too loud. The phase of these two is
    0 or pi, which rounding must not make -pi.
    """
    stft.weight_forward_imag[[0, -1]] = 0.0
    counts = torch.full((stft.freq_bins, 1, 1), 2.0)
    counts[[0, -1]] = 1.0
    overlap = stft.window.square().sum() / stft.hop_length
    stft.weight_backward_real.mul_(counts / overlap)
    stft.weight_backward_imag.mul_(counts / overlap)


def _pack(file: Path) -> NDArray[np.float32]:
    styles = _read(file)
    if not isinstance(styles, torch.Tensor) or styles.ndim != 3 or styles.shape[1] != 1:
        raise SettingsError(f"TTS_MODEL: voices/{file.name} has no styles of a Kokoro voice.")
    pack: NDArray[np.float32] = styles[:, 0].float().numpy()
    return pack
