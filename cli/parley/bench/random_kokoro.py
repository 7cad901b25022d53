"""Kokoro models with made-up weights, as directories that real ones come in: what they cost, free.

All is random and the same for the same seed, but the bias of the duration projection, which is
such that a phoneme lasts about as many frames of 25 ms as asked for. They hum rather than speak;
how long they hum, and how long that takes, is as with a real model of that size.
"""

import io
import json
import math
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WEIGHTS = "kokoro-random.pth"
VOICES = ("af_heart", "af_sky", "am_echo", "bm_fable", "ef_dora", "ff_siwis", "hf_alpha", "if_sara",
          "jf_alpha", "pf_dora", "zf_xiaobei")  # fmt: skip
"""At least one of every language."""

_LONGEST = 510
_STYLE = 128
_UPSAMPLING = 300
# Of how long phonemes last.
_UNEVENNESS = 0.06
_PARTS = ("bert", "bert_encoder", "predictor", "decoder", "text_encoder")
# Runs of consecutive ids of Kokoro's 178, of which 114 have a symbol.
_SYMBOLS = (
    (1, ';:,.!?'), (9, '—…"()“” \u0303ʣʥʦʨᵝꭧAI'), (31, "O"), (33, "Q"), (35, "ST"), (39, "W"),
    (41, "Yᵊabcdef"), (50, "hijklmnopqrstuvwxyz\u0251ɐɒæ"), (75, "βɔɕç"), (80, "ɖðʤə"),
    (85, "ɚɛɜ"),
    (90, "ɟ"), (92, "\u0261"), (99, "ɥ"), (101, "ɨɪʝ"), (110, "ɯɰŋɳɲɴø"), (118, "ɸθœ"), (123, "ɹ"),
    (125, "ɾɻ"), (128, "ʁɽʂʃʈʧ"), (135, "ʊʋ"), (138, "ʌɣɤ"), (142, "χʎ"), (147, "ʒʔ"),
    (156, "ˈˌː"), (162, "ʰ"), (164, "ʲ"), (169, "↓"), (171, "→↗↘"), (177, "ᵻ"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """An architecture; the decoder's 1024 and 512 channels are fixed in Kokoro's code.

    Args:
        rates: by how much each stage of the vocoder raises the rate; what is left to 300 is the
            hop of its inverse Fourier transform.
    """

    layers: int
    bert_layers: int
    bert_width: int
    rates: tuple[int, ...]
    kernels: tuple[int, ...]


TEST = Size(1, 1, 64, (2, 2), (3,))
"""For tests: speaks a clause in tens of milliseconds."""

FULL = Size(3, 12, 768, (10, 6), (3, 7, 11))
"""Kokoro's own shape, of 82 million parameters."""


def write(
    folder: Path,
    size: Size = TEST,
    *,
    voices: Sequence[str] = VOICES,
    frames: float = 3.0,
    seed: int = 0,
) -> Path:
    """Write `config.json`, the weights and `voices/*.pt`; takes torch and kokoro.

    Args:
        folder: made if it is not there.
        frames: about how long a phoneme lasts, in frames of 25 ms at speed 1.

    Returns:
        The folder.
    """
    import torch

    (folder / "voices").mkdir(parents=True, exist_ok=True)
    config = configuration(size)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.save(_weights(config, frames), folder / WEIGHTS)
        for voice in voices:
            torch.manual_seed(seed + zlib.crc32(voice.encode()))
            torch.save(0.3 * torch.randn(_LONGEST, 1, 2 * _STYLE), folder / f"voices/{voice}.pt")
    return folder


def configuration(size: Size) -> dict[str, Any]:
    """What `config.json` says."""
    hop = _UPSAMPLING // math.prod(size.rates)
    return {
        "dim_in": 64,
        "dropout": 0.2,
        "hidden_dim": 512,
        "max_conv_dim": 512,
        "max_dur": 50,
        "multispeaker": True,
        "n_layer": size.layers,
        "n_mels": 80,
        "n_token": 178,
        "style_dim": _STYLE,
        "text_encoder_kernel_size": 5,
        "istftnet": {
            "upsample_kernel_sizes": [2 * rate for rate in size.rates],
            "upsample_rates": list(size.rates),
            "gen_istft_hop_size": hop,
            "gen_istft_n_fft": 4 * hop,
            "resblock_dilation_sizes": [[1, 3, 5]] * len(size.kernels),
            "resblock_kernel_sizes": list(size.kernels),
            "upsample_initial_channel": 512,
        },
        "plbert": {
            "hidden_size": size.bert_width,
            "num_attention_heads": max(1, size.bert_width // 64),
            "intermediate_size": 2048 if size.bert_width == 768 else 2 * size.bert_width,
            "max_position_embeddings": 512,
            "num_hidden_layers": size.bert_layers,
            "dropout": 0.1,
        },
        "vocab": {s: first + at for first, run in _SYMBOLS for at, s in enumerate(run)},
    }


def _weights(config: dict[str, Any], frames: float) -> dict[str, dict[str, Any]]:
    """State dicts of the parts, half as large as real ones on disk, named as in real ones."""
    import torch
    from kokoro import KModel

    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = KModel(repo_id="hexgrad/Kokoro-82M", config=config, model=nothing)
    # A duration is the sum of as many sigmoids as it can be long.
    bias = -math.log(config["max_dur"] / frames - 1)
    lengths = model.predictor.duration_proj.linear_layer
    torch.nn.init.constant_(lengths.bias, bias)
    with torch.no_grad():
        lengths.weight[:] = _UNEVENNESS * torch.randn(1, lengths.weight.shape[1])
    return {
        part: {f"module.{name}": t.half() for name, t in getattr(model, part).state_dict().items()}
        for part in _PARTS
    }
