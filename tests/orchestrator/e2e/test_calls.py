"""Calls from end to end: the real worker process, a microphone, a loudspeaker, a real stack."""

from pathlib import Path

import pytest

from tests.orchestrator.e2e.conftest import Ear
from tests.orchestrator.e2e.phone import Samples, calling

pytestmark = pytest.mark.anyio


async def test_a_spoken_question_is_answered_aloud(
    stack: str, question: Samples, ear: Ear, tmp_path: Path
) -> None:
    async with calling(tmp_path / "log", OPENAI_BASE_URL=stack, LLM_CHAIN="qwen") as call:
        await call.phone.greeted()
        answer = await call.phone.answered(question)

    assert call.phone.transcripts == ["how long does it take to get better from the flu"]
    assert "recover from the flu in one to two weeks" in ear(answer.samples)
