"""Whisper models with made-up weights in CTranslate2's format: what real ones cost, no download.

Every matrix is random, but the embeddings (`whisper_script`) and a few attention heads are built
so that decoding behaves:

- A window of 30 s or less gives `stop_after` tokens and ends: words of no language in two
  segments, 0 to 1 s and 1.02 to 2 s, whatever the length of the audio. Positions do not matter,
  so this holds after a prompt of any length, and without timestamps (then in one segment).
- Which of eight words comes at each place depends on the sound, the language, the task, and the
  prompt or hotwords. Equal requests get equal words, others get others. What the model itself
  said before (`condition_on_previous_text`) has no influence.
- Greedy decoding is confident (avg_logprob about -0.1), and the language is heard to be English.
- Words are aligned in order, evenly over the two seconds.

`Manner` makes models that misbehave.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2.specs.whisper_spec import WhisperSpec
from numpy.typing import NDArray

from parley.bench.whisper_script import END_S, Manner, Matrix, Room, Script
from parley.bench.whisper_vocabulary import Vocabulary

_FRAMES = 1500
_FRAME_S = 0.02
_POSITIONS = 448
_KERNEL = 3
_CONTRAST = 40.0
_THRESHOLD = -2.0
_SHARP = 30.0
_PICKY = 20.0
_SILENT = 0.02
"""Random weights that must not disturb the script write to the residual stream so faintly."""


@dataclass(frozen=True, slots=True)
class Size:
    """An architecture: `layers` in the encoder and as many in the decoder."""

    width: int
    layers: int
    heads: int
    mels: int = 80

    @property
    def head(self) -> int:
        return self.width // self.heads


TEST = Size(64, 2, 2)
"""For tests: written and loaded in a second, a transcript in tens of milliseconds."""

TINY = Size(384, 4, 6)
BASE = Size(512, 6, 8)


def write(
    folder: Path,
    size: Size = TEST,
    *,
    multilingual: bool = True,
    stop_after: int = 20,
    manner: Manner = Manner.CLEAR,
    seed: int = 0,
) -> Path:
    """Write a model that `faster_whisper.WhisperModel(str(folder))` loads; float16 on disk.

    Args:
        folder: made if it is not there.
        stop_after: tokens before <|endoftext|>, with four timestamps; 8 at least.

    Returns:
        The folder.

    Raises:
        ValueError: `size` has no room for so many tokens.
    """
    rng = np.random.default_rng(seed)
    vocabulary = Vocabulary(multilingual)
    script = Script(vocabulary, Room(size.width), stop_after, manner, rng)
    spec = WhisperSpec(size.layers, size.heads, size.layers, size.heads)
    weights = _Weights(size, rng)
    weights.fill_encoder(spec.encoder)
    weights.fill_decoder(spec.decoder, script)
    spec.register_vocabulary(vocabulary.tokens)
    _configure(spec.config, vocabulary, size)
    spec.validate()
    spec.optimize("float16")
    folder.mkdir(parents=True, exist_ok=True)
    spec.save(str(folder))
    (folder / "tokenizer.json").write_text(vocabulary.tokenizer())
    (folder / "preprocessor_config.json").write_text(json.dumps(_features(size)))
    return folder


def _configure(config: Any, vocabulary: Vocabulary, size: Size) -> None:
    config.suppress_ids = [
        vocabulary.special(name)
        for name in ("startoftranscript", "translate", "transcribe", "startofprev")
    ]
    config.suppress_ids_begin = [vocabulary.space, vocabulary.end_of_text]
    config.lang_ids = list(vocabulary.languages)
    config.alignment_heads = [(size.layers - 1, head) for head in range(size.heads)]


def _features(size: Size) -> dict[str, int]:
    return {
        "feature_size": size.mels,
        "sampling_rate": 16_000,
        "hop_length": 160,
        "chunk_length": 30,
        "n_fft": 400,
    }


class _Weights:
    """The stacks of layers around a script."""

    def __init__(self, size: Size, rng: np.random.Generator) -> None:
        self._size = size
        self._room = Room(size.width)
        self._rng = rng
        self._heard = slice(0, size.width // 2)
        self._timed = slice(size.width // 2, size.width // 2 + size.head)
        self._frequencies = np.geomspace(0.1, 2.5, size.head // 2)

    def fill_encoder(self, encoder: Any) -> None:
        """Half of the stream tells the spectrum, the other half the time."""
        width = self._size.width
        conv1 = self._random(width, self._size.mels, _KERNEL)
        encoder.conv1.weight = _CONTRAST * (conv1 - conv1.mean(axis=1, keepdims=True))
        encoder.conv2.weight = self._random(width, width, _KERNEL)
        encoder.conv2.weight[self._timed.start :] = 0
        encoder.conv1.bias = np.full(width, _THRESHOLD, np.float32)
        encoder.conv2.bias = np.full(width, _THRESHOLD, np.float32)
        encoder.conv2.bias[self._timed.start :] = 0
        positions = np.zeros((_FRAMES, width), np.float32)
        positions[:, self._timed] = self._time_codes(np.arange(_FRAMES) * _FRAME_S)
        encoder.position_encodings.encodings = positions
        self._fill_norm(encoder.layer_norm)
        for layer in encoder.layer:
            self._fill_attention(layer.self_attention)
            self._fill_ffn(layer.ffn)

    def fill_decoder(self, decoder: Any, script: Script) -> None:
        """The first layer attends to the prompt and to the sound, the last one to the time."""
        decoder.embeddings.weight = script.embeddings
        decoder.projection.weight = script.outputs
        decoder.position_encodings.encodings = np.zeros((_POSITIONS, self._size.width), np.float32)
        self._fill_norm(decoder.layer_norm)
        for layer in decoder.layer:
            self._fill_attention(layer.self_attention)
            self._fill_attention(layer.attention)
            self._fill_ffn(layer.ffn)
            for last in (layer.self_attention.linear[-1], layer.attention.linear[-1]):
                self._protect_states(last)
            self._protect_states(layer.ffn.linear_1)
        self._recall(decoder.layer[0].self_attention)
        self._listen(decoder.layer[0].attention)
        self._align(decoder.layer[-1].attention, script)

    def _protect_states(self, linear: Any) -> None:
        linear.weight[self._room.states] = 0
        linear.weight[self._room.untimed :] = 0

    def _recall(self, attention: Any) -> None:
        """One head copies the mean context of the tokens that begin a transcript, one the mean
        context of the prompt; without a prompt that one copies the former too."""
        room, head, width = self._room, self._size.head, self._size.width
        weight, bias = attention.linear[0].weight, attention.linear[0].bias
        context = np.arange(room.context.start, room.context.stop)
        loudness = _SHARP * np.sqrt(head / width)
        for index, flags in enumerate(({room.special: 1.0}, {room.special: 0.5, room.prompt: 1.0})):
            query, key, value = (part * width + index * head for part in range(3))
            for first in (query, key, value):
                weight[first : first + head] = 0
            bias[query] = loudness
            weight[key, list(flags)] = list(flags.values())
            copies = index * head + np.arange(len(context))
            weight[2 * width + copies, context] = 1
            attention.linear[1].weight[context, copies] = 2 / np.sqrt(width)
        untimed = 2 * width + head - 1
        weight[untimed, room.untimed] = 1
        attention.linear[1].weight[room.untimed, head - 1] = 8 / np.sqrt(width)

    def _listen(self, attention: Any) -> None:
        """Each head picks one frame by its spectrum, and tells what it sounds like."""
        width, sound = self._size.width, self._room.sound
        keys_and_values = attention.linear[1].weight
        keys_and_values[:, self._heard.stop :] = 0
        attention.linear[0].weight *= _SILENT
        attention.linear[0].bias[:] = _PICKY * self._random(width, 1)[:, 0]
        count = sound.stop - sound.start
        attention.linear[2].weight[sound] = 2 * self._random(count, width) / np.sqrt(count)

    def _align(self, attention: Any, script: Script) -> None:
        """Every head looks at the frame where the next word is."""
        size, states = self._size, script.before_words
        queries, keys = attention.linear[0].weight, attention.linear[1].weight[: size.width]
        times = (np.arange(len(states)) + 0.5) * END_S / len(states)
        loudness = _SHARP * 3 / np.sqrt(size.head * size.width)
        lookup = loudness * self._time_codes(times).T @ states
        queries[:] = keys[:] = 0
        for first in range(0, size.width, size.head):
            queries[first : first + size.head, self._room.states] = lookup
            keys[first : first + size.head, self._timed] = np.eye(size.head)

    def _time_codes(self, times: NDArray[np.floating[Any]]) -> Matrix:
        """Alike for times that are near, of shape (times, head)."""
        angles = 2 * np.pi * np.outer(times, self._frequencies)
        return np.concatenate((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)

    def _fill_attention(self, attention: Any) -> None:
        self._fill_norm(attention.layer_norm)
        width = self._size.width
        fused = {2: (3, 1), 3: (1, 2, 1)}[len(attention.linear)]
        for linear, count in zip(attention.linear, fused, strict=True):
            self._fill_linear(linear, count * width, width)
        attention.linear[-1].weight *= _SILENT

    def _fill_ffn(self, ffn: Any) -> None:
        self._fill_norm(ffn.layer_norm)
        width = self._size.width
        self._fill_linear(ffn.linear_0, 4 * width, width)
        self._fill_linear(ffn.linear_1, width, 4 * width)
        ffn.linear_1.weight *= _SILENT

    def _fill_linear(self, linear: Any, outputs: int, inputs: int) -> None:
        linear.weight = self._random(outputs, inputs)
        linear.bias = np.zeros(outputs, np.float32)

    def _fill_norm(self, norm: Any) -> None:
        norm.gamma = np.ones(self._size.width, np.float32)
        norm.beta = np.zeros(self._size.width, np.float32)

    def _random(self, *shape: int) -> Matrix:
        """A product with it is as large as what is multiplied."""
        fan_in = math.prod(shape[1:])
        return self._rng.standard_normal(shape, np.float32) / np.float32(math.sqrt(fan_in))
