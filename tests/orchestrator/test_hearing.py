"""Over Realtime where the service has it, utterance by utterance everywhere else."""

import pytest

from parley_kit.settings import load
from parley_orchestrator import hearing
from parley_orchestrator.routes import Found
from parley_orchestrator.settings import OrchestratorSettings
from parley_stt.app import create_app
from parley_stt.settings import SttSettings
from tests.serving import serve


def settings_of(url: str) -> OrchestratorSettings:
    return load(OrchestratorSettings, llm_chain="qwen", openai_base_url=url)


def test_the_route_is_found_and_not_where_there_is_none() -> None:
    with serve(create_app(SttSettings(allow_anonymous=True))) as url:
        assert hearing.realtime_at(settings_of(url), within_s=5) == "yes"
        assert hearing.realtime_at(settings_of(f"{url}/elsewhere"), within_s=5) == "no"


def test_a_service_that_lets_nobody_in_says_nothing_of_its_routes() -> None:
    with serve(create_app(SttSettings(api_keys="secret"))) as url:
        assert hearing.realtime_at(settings_of(url), within_s=5) == "unknown"
    assert hearing.realtime_at(settings_of(url), within_s=1) == "unknown"


@pytest.mark.anyio
@pytest.mark.parametrize(("found", "streams"), [("yes", True), ("no", False), ("unknown", False)])
async def test_only_a_service_that_has_the_route_is_spoken_to_over_it(
    found: Found, streams: bool
) -> None:
    stt = hearing.create_stt(settings_of("http://127.0.0.1:9"), realtime=found)

    assert stt.capabilities.streaming is streams
    await stt.aclose()
    await stt._client.close()
