// The official Node SDK against the whole stack: BASE_URL, API_KEY and QUESTION come from pytest.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";

const { BASE_URL, API_KEY, QUESTION } = process.env;
const client = (service, apiKey = API_KEY) =>
  new OpenAI({ baseURL: `${BASE_URL}/${service}/v1`, apiKey, maxRetries: 0 });
const [stt, tts, llm] = ["stt", "tts", "llm"].map((service) => client(service));
const question = async () => toFile(await readFile(QUESTION), "question.wav");
const SENTENCE = "What time does the clinic open tomorrow morning?";
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

test("a recording is heard as text", async () => {
  const heard = await stt.audio.transcriptions.create({
    file: await question(), model: "whisper-1", response_format: "text",
  });
  assert.match(heard, /flu/);
});

test("a recording is heard as verbose json with words", async () => {
  const heard = await stt.audio.transcriptions.create({
    file: await question(), model: "whisper-1", response_format: "verbose_json",
    timestamp_granularities: ["word"],
  });
  assert.equal(heard.language, "english");
  assert.equal(typeof heard.duration, "number");
  assert.ok(heard.words.every((word) => word.start <= word.end));
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
