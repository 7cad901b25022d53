"""The official Python SDK, strict about every field, against the whole stack."""

import io
import wave
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.contract.conftest import KEY

SENTENCE = "What time does the clinic open tomorrow morning?"
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


def strict(url: str, service: str, key: str = KEY) -> OpenAI:
    return OpenAI(
        base_url=f"{url}/{service}/v1",
        api_key=key,
        max_retries=0,
        _strict_response_validation=True,
    )


@pytest.fixture
def stt(stack: str) -> Iterator[OpenAI]:
    with strict(stack, "stt") as client:
        yield client


@pytest.fixture
def tts(stack: str) -> Iterator[OpenAI]:
    with strict(stack, "tts") as client:
        yield client


@pytest.fixture
def llm(stack: str) -> Iterator[OpenAI]:
    with strict(stack, "llm") as client:
        yield client


@pytest.fixture
async def async_clients(stack: str) -> AsyncIterator[dict[str, AsyncOpenAI]]:
    clients = {
        name: AsyncOpenAI(
            base_url=f"{stack}/{name}/v1",
            api_key=KEY,
            max_retries=0,
            _strict_response_validation=True,
        )
        for name in ("stt", "tts", "llm")
    }
    yield clients
    for client in clients.values():
        await client.close()


@pytest.mark.parametrize("service", ["stt", "tts", "llm"])
def test_models_are_listed_and_each_can_be_retrieved(stack: str, service: str) -> None:
    with strict(stack, service) as client:
        models = client.models.list().data
        assert models
        for model in models:
            assert client.models.retrieve(model.id) == model
        with pytest.raises(openai.NotFoundError) as unknown:
            client.models.retrieve("no/such-model")
    assert unknown.value.code == "model_not_found"


@pytest.mark.parametrize("service", ["stt", "tts", "llm"])
def test_a_wrong_key_is_an_authentication_error(stack: str, service: str) -> None:
    with (
        strict(stack, service, key="wrong") as client,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        client.models.list()
    assert refused.value.code == "invalid_api_key"
    assert refused.value.request_id


def test_a_recording_is_heard_as_json(stt: OpenAI, question: bytes) -> None:
    heard = stt.audio.transcriptions.create(file=("q.wav", question), model="whisper-1")

    assert "flu" in heard.text


def test_a_recording_without_a_name_is_heard_as_well(stt: OpenAI, question: bytes) -> None:
    heard = stt.audio.transcriptions.create(file=question, model="gpt-4o-transcribe")

    assert "flu" in heard.text


@pytest.mark.parametrize("form", ["text", "srt", "vtt"])
def test_a_recording_is_heard_as_plain_text(stt: OpenAI, question: bytes, form: Any) -> None:
    heard = stt.audio.transcriptions.create(file=question, model="whisper-1", response_format=form)

    assert isinstance(heard, str)
    assert "flu" in heard
    assert not heard.startswith('"')


def test_a_recording_is_heard_as_verbose_json_with_segments_and_words(
    stt: OpenAI, question: bytes
) -> None:
    heard = stt.audio.transcriptions.create(
        file=question,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["segment", "word"],
    )

    assert heard.segments
    assert heard.words
    assert "".join(segment.text for segment in heard.segments).strip() == heard.text
    assert all(0 <= word.start <= word.end <= heard.duration + 0.1 for word in heard.words)


def test_a_streamed_transcription_adds_up_to_its_done_event(stt: OpenAI, question: bytes) -> None:
    deltas, done = "", ""
    for event in stt.audio.transcriptions.create(file=question, model="whisper-1", stream=True):
        if event.type == "transcript.text.delta":
            deltas += event.delta
        elif event.type == "transcript.text.done":
            done = event.text

    assert deltas == done
    assert "flu" in done


def test_what_is_not_audio_is_a_bad_request(stt: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError):
        stt.audio.transcriptions.create(file=b"this is not audio", model="whisper-1")


@pytest.mark.parametrize("form", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_speech_in_each_format_is_heard_again(tts: OpenAI, stt: OpenAI, form: Any) -> None:
    speech = tts.audio.speech.create(
        input=SENTENCE, model="tts-1", voice="alloy", response_format=form
    ).content
    audio = _as_wav(speech) if form == "pcm" else speech
    heard = stt.audio.transcriptions.create(file=audio, model="whisper-1").text

    # A voice never says it twice alike, and a word too many is heard now and then.
    assert {"what", "time", "clinic", "open", "tomorrow", "morning"} <= set(heard.split())


def test_speech_is_streamed(tts: OpenAI) -> None:
    with tts.audio.speech.with_streaming_response.create(
        input=SENTENCE, model="kokoro", voice="nova", response_format="pcm"
    ) as response:
        chunks = list(response.iter_bytes())

    assert sum(map(len, chunks)) > 24_000
    assert response.headers["content-type"] == "audio/pcm"


def test_a_wrong_voice_is_a_bad_request_that_names_the_field(tts: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        tts.audio.speech.create(input="Hello.", model="tts-1", voice="nobody")
    assert refused.value.param == "voice"


def test_a_chat_is_completed_with_usage(llm: OpenAI) -> None:
    reply = llm.chat.completions.create(
        model="qwen2-5-7b-instruct", messages=[{"role": "user", "content": SENTENCE}]
    )

    assert "clinic is open" in str(reply.choices[0].message.content)
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens


def test_a_streamed_chat_says_the_same_and_ends_with_usage(llm: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": SENTENCE}]
    whole = llm.chat.completions.create(model="scripted", messages=messages)
    chunks = list(
        llm.chat.completions.create(
            model="scripted",
            messages=messages,
            stream=True,
            stream_options={"include_usage": True},
        )
    )

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage
    assert len({chunk.id for chunk in chunks}) == 1


def test_max_tokens_and_stop_end_an_answer(llm: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": SENTENCE}]
    short = llm.chat.completions.create(model="scripted", messages=messages, max_tokens=3)
    stopped = llm.chat.completions.create(model="scripted", messages=messages, stop=[" open"])

    assert short.choices[0].finish_reason == "length"
    assert short.choices[0].message.content == "The clinic is"
    assert stopped.choices[0].message.content == "The clinic is"
    assert stopped.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called_and_its_result_is_used(llm: OpenAI, stream: bool) -> None:
    messages: Any = [{"role": "user", "content": "What is the weather in Paris?"}]
    if stream:
        with llm.chat.completions.stream(
            model="scripted", messages=messages, tools=[WEATHER]
        ) as events:
            message: Any = events.get_final_completion().choices[0].message
    else:
        message = (
            llm.chat.completions.create(model="scripted", messages=messages, tools=[WEATHER])
            .choices[0]
            .message
        )
    call = message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("get_weather", '{"city": "Paris"}')

    assistant = {
        "role": "assistant",
        "tool_calls": [call.model_dump(include={"id", "type", "function"})],
    }
    result = {"role": "tool", "tool_call_id": call.id, "content": "18 degrees and sunny"}
    reply = llm.chat.completions.create(
        model="scripted", messages=[*messages, assistant, result], tools=[WEATHER]
    )
    assert "18 degrees" in str(reply.choices[0].message.content)


def test_a_missing_field_is_named(llm: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        llm.chat.completions.create(model="scripted", messages=[])
    assert refused.value.param == "messages"


@pytest.mark.anyio
async def test_the_async_client_has_the_same_turn(
    async_clients: dict[str, AsyncOpenAI], question: bytes
) -> None:
    heard = await async_clients["stt"].audio.transcriptions.create(file=question, model="whisper-1")
    stream = await async_clients["llm"].chat.completions.create(
        model="scripted", messages=[{"role": "user", "content": heard.text}], stream=True
    )
    answer = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    async with async_clients["tts"].audio.speech.with_streaming_response.create(
        input=answer, model="tts-1", voice="alloy", response_format="wav"
    ) as response:
        spoken = await response.read()

    assert "recover from the flu" in answer
    with wave.open(io.BytesIO(spoken)) as reader:
        assert reader.getnframes() / reader.getframerate() > 5


def _as_wav(pcm: bytes) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(24_000)
        writer.writeframes(pcm)
    return file.getvalue()
