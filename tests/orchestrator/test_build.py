"""What the transports of a chain need the first time is there before a call."""

import subprocess
import sys

import pytest

AFTER_A_REHEARSAL = """
import asyncio, sys
from parley_kit.settings import load
from parley_orchestrator.build import create_transport, rehearse, transport_modules
from parley_orchestrator.llm.tls import tls_context
from parley_orchestrator.settings import OrchestratorSettings

async def made_again(settings):
    await rehearse(settings)
    before = set(sys.modules)
    assert set(transport_modules(settings.chain)) <= before
    assert tls_context.cache_info().misses == 1
    for name in settings.chain:
        await create_transport(name, settings.llm_config(name)).close()
    assert tls_context.cache_info().misses == 1
    return sorted(set(sys.modules) - before)

assert not any(name.startswith("livekit") for name in sys.modules), "LiveKit is not needed for it"
print(asyncio.run(made_again(load(OrchestratorSettings))))
"""


@pytest.mark.parametrize("chain", ["gemini,qwen", "realtime,rest", "rest,ws"])
def test_to_make_a_chain_again_imports_nothing_and_it_needs_no_livekit(
    chain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "LLM_CHAIN": chain,
        "GEMINI_API_KEY": "key",
        "REALTIME_BASE_URL": "wss://realtime.example/v1",
    }.items():
        monkeypatch.setenv(name, value)
    done = subprocess.run(
        [sys.executable, "-c", AFTER_A_REHEARSAL],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("[]\n", "")
