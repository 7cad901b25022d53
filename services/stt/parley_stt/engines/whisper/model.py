"""One loaded Whisper model, and the transcription of one piece on it. Blocks its thread."""

import copy
import json
import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from faster_whisper import WhisperModel

from parley_kit.errors import SettingsError
from parley_stt.engine import Options, Segment
from parley_stt.engines.whisper.device import Device, Job
from parley_stt.engines.whisper.hardware import Hardware
from parley_stt.engines.whisper.hints import fitting
from parley_stt.engines.whisper.lane import Lane
from parley_stt.engines.whisper.languages import NAMES
from parley_stt.engines.whisper.pieces import Piece
from parley_stt.engines.whisper.transcript import segment_of

# large-v3-turbo and the distilled models have lost the task; their decoders have 4 and 2 layers.
_TURBO_MELS, _TURBO_LAYERS = 128, 4
_UNTRANSLATING = ("turbo", "distil")


class Model:
    """See the module."""

    def __init__(self, directory: Path, hardware: Hardware, beam_size: int) -> None:
        """
        Raises:
            SettingsError: it cannot be loaded.
        """
        logging.getLogger("faster_whisper").setLevel(logging.WARNING)
        try:
            self._whisper = WhisperModel(
                str(directory),
                device=hardware.device,
                compute_type=hardware.compute_type,
                cpu_threads=hardware.threads,
                num_workers=hardware.workers,
                local_files_only=True,
            )
            self._inner = self._whisper.model
            self._beam_size = beam_size
            self._start_of_transcript: int = self._token("<|startoftranscript|>")
            self.languages = self._languages()
            self.translates: bool = self._inner.is_multilingual and not self._is_distilled(
                directory
            )
        except (RuntimeError, ValueError, TypeError) as exc:
            raise SettingsError(f"STT_MODEL: {directory.name} cannot be loaded: {exc}") from exc
        self.device = Device(self._inner, hardware.workers, hardware.rows)

    def transcribe(
        self, piece: Piece, job: Job, options: Options, languages: Collection[str]
    ) -> tuple[list[Segment], str]:
        """The piece's segments, and the code of its language.

        Args:
            languages: codes of those that may be spoken; empty: any.

        Raises:
            Abandoned: the job was.
            RuntimeError, ValueError: the model's.
        """
        hints = fitting(options.prompt, options.keywords, self._encoded)
        found, info = self._lane(piece, job, languages).transcribe(
            piece.samples,
            language=next(iter(languages)) if len(languages) == 1 else None,
            task=options.task,
            beam_size=self._beam_size,
            initial_prompt=hints.prompt or None,
            hotwords=hints.keywords or None,
            # A text of an earlier window and keywords together would leave the answer no room.
            condition_on_previous_text=not hints.keywords,
            word_timestamps=options.words,
            **({"temperature": options.temperature} if options.temperature else {}),
        )
        segments = [segment_of(one, info.language, piece.start_s, piece.end_s) for one in found]
        return [one for one in segments if one.text.strip()], info.language

    def close(self) -> None:
        self.device.close()
        self._inner.unload_model()

    def _lane(self, piece: Piece, job: Job, languages: Collection[str]) -> Any:
        """faster-whisper's model over the same weights, whose every inference waits its turn."""
        whisper = copy.copy(self._whisper)
        whisper.model = Lane(
            self.device,
            self._inner,
            job,
            start_of_transcript=self._start_of_transcript,
            offset_s=piece.start_s,
            languages=languages,
        )
        return whisper

    def _languages(self) -> dict[str, str]:
        if not self._inner.is_multilingual:
            return {"en": NAMES["en"]}
        return {
            code: name for code, name in NAMES.items() if self._token(f"<|{code}|>") is not None
        }

    def _encoded(self, text: str) -> Sequence[int]:
        tokens: Sequence[int] = self._whisper.hf_tokenizer.encode(
            text, add_special_tokens=False
        ).ids
        return tokens

    def _token(self, token: str) -> Any:
        return self._whisper.hf_tokenizer.token_to_id(token)

    def _is_distilled(self, directory: Path) -> bool:
        if any(name in directory.name.lower() for name in _UNTRANSLATING):
            return True
        return self._inner.n_mels == _TURBO_MELS and _decoder_layers(directory) <= _TURBO_LAYERS


def _decoder_layers(directory: Path) -> int:
    """How many at least: those in which attention follows the audio are listed."""
    config = json.loads((directory / "config.json").read_text("utf-8"))
    heads: Sequence[Sequence[int]] = config.get("alignment_heads") or [[0, 0]]
    return 1 + max(layer for layer, _ in heads)
