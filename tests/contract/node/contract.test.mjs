// The official Node SDK against the whole stack, and an STT service with faster-whisper. The
// environment comes from pytest.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";

const { BASE_URL, WHISPER_URL, WHISPER_MODEL, API_KEY, QUESTION } = process.env;
const client = (service, apiKey = API_KEY, base = BASE_URL) =>
  new OpenAI({ baseURL: `${base}/${service}/v1`, apiKey, maxRetries: 0 });
const [stt, tts, llm] = ["stt", "tts", "llm"].map((service) => client(service));
const whisper = client("stt", API_KEY, WHISPER_URL);
const question = async () => toFile(await readFile(QUESTION), "question.wav");
const SENTENCE = "What time does the clinic open tomorrow morning?";
const eventsOf = async (response) =>
  (await response.text()).split("\n\n").filter(Boolean).map((event) => JSON.parse(event.slice(6)));
const messages = [{ role: "user", content: SENTENCE }];

test("models are listed and retrieved, also with a slash", async () => {
  const { data } = await llm.models.list();
  assert.ok(data.some((model) => model.id.includes("/")));
  for (const model of data) assert.deepEqual(await llm.models.retrieve(model.id), model);
});

test("a recording is heard as json", async () => {
  const heard = await stt.audio.transcriptions.create({ file: await question(), model: "whisper-1" });
  assert.match(heard.text, /flu/);
  assert.equal(heard.usage.type, "duration");
});

for (const [format, start] of [["text", /flu/], ["srt", /^1\n00:00:0/], ["vtt", /^WEBVTT\n\n00:00:0/]]) {
  test(`a recording is heard as ${format}`, async () => {
    const heard = await stt.audio.transcriptions.create({
      file: await question(), model: "whisper-1", response_format: format,
    });
    assert.match(heard, start);
    assert.match(heard, /flu/);
  });
}

for (const [granularities, present] of [
  [undefined, ["segments"]], [["segment"], ["segments"]], [["word"], ["words"]],
  [["word", "segment"], ["segments", "words"]],
]) {
  test(`a recording is heard as verbose json with granularities ${granularities}`, async () => {
    const heard = await stt.audio.transcriptions.create({
      file: await question(), model: "whisper-1", response_format: "verbose_json",
      timestamp_granularities: granularities,
    });
    assert.equal(heard.language, "english");
    assert.equal(typeof heard.duration, "number");
    assert.deepEqual(["segments", "words"].filter((key) => heard[key]), present);
    for (const segment of heard.segments ?? []) assert.equal(Object.keys(segment).length, 10);
    assert.ok((heard.words ?? []).every((word) => word.start <= word.end));
  });
}

test("granularities need verbose json", async () => {
  await assert.rejects(
    stt.audio.transcriptions.create({
      file: await question(), model: "whisper-1", timestamp_granularities: ["word"],
    }),
    (error) =>
      error instanceof OpenAI.BadRequestError && error.param === "timestamp_granularities",
  );
});

test("arrays, objects and logprobs are understood", async () => {
  const heard = await stt.audio.transcriptions.create({
    file: await question(), model: "gpt-transcribe", stream: false, include: ["logprobs"],
    languages: ["fr", "en"], keywords: ["flu", "fever"],
    chunking_strategy: { type: "server_vad", threshold: 0.4, silence_duration_ms: 700 },
  });
  assert.deepEqual(heard.languages, [{ code: "en" }]);
  assert.deepEqual(heard.logprobs.map((entry) => entry.token), heard.text.split(" "));
});

test("a recording of nothing is heard as nothing", async () => {
  const header = (await readFile(QUESTION)).subarray(0, 44);
  header.writeUInt32LE(36, 4);
  header.writeUInt32LE(0, 40);
  const file = await toFile(header, "nothing.wav");
  assert.equal((await stt.audio.transcriptions.create({ file, model: "whisper-1" })).text, "");
});

test("a recording is translated", async () => {
  const file = await question();
  const heard = await whisper.audio.transcriptions.create({ file, model: "whisper-1" });
  const translated = await whisper.audio.translations.create({ file, model: "whisper-1" });
  assert.ok(translated.text);
  assert.notEqual(translated.text, heard.text);
});

for (const format of ["text", "srt", "vtt"]) {
  test(`a recording is translated as ${format}`, async () => {
    const translated = await whisper.audio.translations.create({
      file: await question(), model: "whisper-1", response_format: format,
    });
    assert.equal(typeof translated, "string");
    assert.equal(translated.includes(" --> "), format !== "text");
  });
}

test("a recording is translated as verbose json", async () => {
  const translated = await whisper.audio.translations.create({
    file: await question(), model: "whisper-1", response_format: "verbose_json",
  });
  assert.equal(translated.language, "english");
  assert.equal(typeof translated.duration, "number");
  assert.ok(translated.segments.length > 0);
});

test("a model that only transcribes is named", async () => {
  await assert.rejects(
    stt.audio.translations.create({ file: await question(), model: "whisper-1" }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "model",
  );
});

test("an STT model with a slash is retrieved and used", async () => {
  assert.equal((await whisper.models.retrieve(WHISPER_MODEL)).id, WHISPER_MODEL);
  const heard = await whisper.audio.transcriptions.create({
    file: await question(), model: WHISPER_MODEL,
  });
  assert.ok(heard.text);
});

test("a transcription is streamed", async () => {
  let deltas = "";
  let done;
  const events = await stt.audio.transcriptions.create({
    file: await question(), model: "whisper-1", stream: true,
  });
  for await (const event of events) {
    if (event.type === "transcript.text.delta") deltas += event.delta;
    else done = event;
  }
  assert.equal(done.type, "transcript.text.done");
  assert.equal(deltas, done.text);
});

test("what is not audio is a bad request", async () => {
  const file = await toFile(Buffer.from("this is not audio"), "a.wav");
  await assert.rejects(
    stt.audio.transcriptions.create({ file, model: "whisper-1" }),
    OpenAI.BadRequestError,
  );
});

for (const [format, type] of [
  ["mp3", "audio/mpeg"], ["opus", "audio/opus"], ["aac", "audio/aac"],
  ["flac", "audio/flac"], ["wav", "audio/wav"], ["pcm", "audio/pcm"],
]) {
  test(`speech comes as ${format}`, async () => {
    const response = await tts.audio.speech.create({
      input: SENTENCE, model: "tts-1", voice: "alloy", response_format: format,
    });
    assert.equal(response.headers.get("content-type"), type);
    assert.ok((await response.arrayBuffer()).byteLength > 4000);
  });
}

for (const format of ["mp3", "opus", "aac", "flac", "wav", "pcm"]) {
  test(`speech comes as events with ${format} in them`, async () => {
    const response = await tts.audio.speech.create({
      input: SENTENCE, model: "gpt-4o-mini-tts", voice: { id: "alloy" }, response_format: format,
      stream_format: "sse", instructions: "Kindly.",
    });
    assert.match(response.headers.get("content-type"), /^text\/event-stream/);
    const events = await eventsOf(response);
    const done = events.pop();
    const audio = Buffer.concat(events.map((event) => Buffer.from(event.audio, "base64")));
    assert.ok(events.every((event) => event.type === "speech.audio.delta"));
    assert.ok(audio.length > 4000);
    assert.equal(done.type, "speech.audio.done");
    assert.equal(done.usage.total_tokens, done.usage.input_tokens + done.usage.output_tokens);
  });
}

test("speech is read while it comes", async () => {
  const response = await tts.audio.speech.create({
    input: `${SENTENCE} `.repeat(10), model: "kokoro", voice: "nova", response_format: "pcm",
  });
  let bytes = 0;
  let chunks = 0;
  for await (const chunk of response.body) {
    bytes += chunk.length;
    chunks += 1;
  }
  assert.ok(chunks > 1);
  assert.ok(bytes > 10 * 48_000);
});

test("words are timed on the caller's own text", async () => {
  const request = { input: SENTENCE, model: "kokoro", voice: "alloy", word_timestamps: true };
  const whole = await tts.audio.speech.create({ ...request, stream_format: "json" });
  const { words } = await whole.json();
  assert.deepEqual(words.map(({ word }) => word), SENTENCE.slice(0, -1).split(" "));
  for (const { word, span, start, end } of words) {
    assert.equal(SENTENCE.slice(...span), word);
    assert.ok(start < end);
  }
  const events = await eventsOf(await tts.audio.speech.create({ ...request, stream_format: "sse" }));
  const told = events.filter(({ type }) => type === "speech.audio.words");
  assert.deepEqual(told.flatMap((event) => event.words), words);
});

test("a wrong voice is named", async () => {
  await assert.rejects(
    tts.audio.speech.create({ input: "Hello.", model: "tts-1", voice: "nobody" }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "voice",
  );
});

test("a chat is completed, whole and streamed alike", async () => {
  const whole = await llm.chat.completions.create({ model: "qwen2-5-7b-instruct", messages });
  const stream = await llm.chat.completions.create({
    model: "qwen2-5-7b-instruct", messages, stream: true, stream_options: { include_usage: true },
  });
  let text = "";
  let usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.deepEqual(usage, whole.usage);
});

test("a tool is called", async () => {
  const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
  const reply = await llm.chat.completions.create({
    model: "scripted",
    messages: [{ role: "user", content: "What is the weather in Paris?" }],
    tools: [{ type: "function", function: { name: "get_weather", parameters } }],
  });
  assert.equal(reply.choices[0].finish_reason, "tool_calls");
  assert.deepEqual(JSON.parse(reply.choices[0].message.tool_calls[0].function.arguments), {
    city: "Paris",
  });
});

test("a wrong key is an authentication error", async () => {
  await assert.rejects(client("llm", "wrong").models.list(), OpenAI.AuthenticationError);
});

test("an unknown model is not found", async () => {
  await assert.rejects(
    llm.chat.completions.create({ model: "gpt-9", messages }),
    (error) => error instanceof OpenAI.NotFoundError && error.code === "model_not_found",
  );
});
