"""Faster or slower speech at the same pitch, for engines that cannot do it themselves."""

from collections.abc import Iterator
from itertools import pairwise

import av
import numpy as np
from av.filter import Graph

from parley_tts.engine import Samples


def at_tempo(samples: Samples, sample_rate: int, tempo: float) -> Samples:
    """`samples` in `1 / tempo` of their time; `tempo` is at least 0.5."""
    if not samples.size:
        return samples
    graph = Graph()
    source = graph.add_abuffer(sample_rate=sample_rate, format="s16", layout="mono")
    filters = (source, graph.add("atempo", str(tempo)), graph.add("abuffersink"))
    for before, after in pairwise(filters):
        before.link_to(after)
    graph.configure()
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="s16", layout="mono")
    frame.sample_rate = sample_rate
    graph.push(frame)
    graph.push(None)
    return np.concatenate([*_pulled(graph), np.zeros(0, np.int16)])


def _pulled(graph: Graph) -> Iterator[Samples]:
    while True:
        try:
            frame = graph.pull()
        except av.EOFError:
            return
        assert isinstance(frame, av.AudioFrame)
        yield frame.to_ndarray().reshape(-1).astype(np.int16, copy=False)
