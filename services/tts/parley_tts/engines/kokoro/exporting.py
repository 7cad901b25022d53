"""The model as ONNX Runtime reads it: made once, by a child, and kept beside the weights.

Names carry the digest of the files that they were made of, so that what is found fits them.
"""

import asyncio
import json
import logging
import os
import shutil
import tempfile
from asyncio.subprocess import Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from parley_kit import processes
from parley_kit.errors import SettingsError
from parley_tts.engines.kokoro.weights import ModelFiles

log = logging.getLogger("parley.tts.kokoro")

_CHILD = "parley_tts.engines.kokoro.export_child"
_RESULTS = ("model.onnx", "voices.npz")
# Changes when the same weights would be exported in another way.
_VERSION = 2
_STALLED_S = 600.0


class ExportFailed(Exception):
    """It cannot be exported here; says why."""


@dataclass(frozen=True, slots=True)
class Export:
    """The model, and the styles of its voices as numpy's arrays."""

    model: Path
    voices: Path


async def exported(files: ModelFiles, scratch: Path, tell: Callable[[str], None]) -> Export:
    """The export of a model: that which is beside its weights, or a new one.

    Args:
        scratch: where a new one is put if there is no writing beside the weights.
        tell: called with what is being done.

    Raises:
        ExportFailed: see there.
        SettingsError: the files are not those of a Kokoro model.
    """
    tell("hashing the weights")
    digest = (await asyncio.to_thread(files.digest))[:16]
    there = _in(files.directory, digest)
    if there.model.is_file() and there.voices.is_file():
        return there
    for folder in (files.directory, scratch):
        if os.access(folder, os.W_OK):
            return await _made(files, _in(folder, digest), tell)
    raise ExportFailed("there is nowhere to write to")


def _in(folder: Path, digest: str) -> Export:
    name = f"parley-{digest}-{_VERSION}"
    return Export(folder / f"{name}.onnx", folder / f"{name}.npz")


async def _made(files: ModelFiles, export: Export, tell: Callable[[str], None]) -> Export:
    """Made apart and then renamed: nobody finds half of one."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".exporting-", dir=export.model.parent))
        try:
            await _run(files, folder, tell)
            for result, place in zip(_RESULTS, (export.model, export.voices), strict=True):
                (folder / result).replace(place)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder)
    except OSError as exc:
        raise ExportFailed(f"the export could not be written: {exc.strerror}") from exc
    log.info("exported the model to ONNX", extra={"data": {"file": export.model.name}})
    return export


async def _run(files: ModelFiles, folder: Path, tell: Callable[[str], None]) -> None:
    child = await processes.spawn(_CHILD, files.directory, folder)
    try:
        await _follow(child, tell)
    finally:
        await processes.end(child)


async def _follow(child: Process, tell: Callable[[str], None]) -> None:
    assert child.stdout is not None
    while line := await _line(child.stdout):
        match json.loads(line):
            case {"stage": str(stage)}:
                log.info("preparing the model", extra={"data": {"stage": stage}})
                tell(stage)
            case {"refused": str(why)}:
                raise SettingsError(why)
            case {"failed": str(why)}:
                raise ExportFailed(why)
            case {"done": True}:
                return
    raise ExportFailed("the export ended before it was done; is there memory enough?")


async def _line(lines: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(_STALLED_S):
            return await lines.readline()
    except TimeoutError:
        raise ExportFailed(f"the export has not moved for {_STALLED_S:g} s") from None
