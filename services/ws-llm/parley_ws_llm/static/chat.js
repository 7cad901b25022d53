/** The chat page. Text of users and models is only ever put into text nodes, never parsed as HTML. */

import { Conversation } from "./conversation.js";
import { Link } from "./link.js";

const NEAR_END_PX = 80;

const $ = (id) => document.getElementById(id);
const status = $("status");
const scroll = $("scroll");
const log = $("log");
const welcome = $("welcome");
const composer = $("composer");
const message = $("message");
const send = $("send");
const stop = $("stop");
const clear = $("clear");
const keyForm = $("key-form");
const key = $("key");
const keyError = $("key-error");
const suggestions = [...$("suggestions").querySelectorAll("button")];

const conversation = new Conversation();
/** The answer being streamed: { id, question, asked, text, element, node }, or null. */
let turn = null;
let turns = 0;

const link = new Link(socketUrl(), { onState: showState, onMessage: receive });

function socketUrl() {
  const url = new URL("ws", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

/* Asking. */

function ask(question) {
  if (!link.ready || turn || !question.trim()) return;
  welcome.hidden = true;
  const asked = append("said said-user", question);
  const element = append("said said-assistant", "");
  element.setAttribute("aria-busy", "true");
  turn = { id: `turn-${(turns += 1)}`, question, asked, text: "", element, node: new Text("") };
  element.append(turn.node);
  toEnd();
  link.send({ type: "chat", id: turn.id, messages: conversation.ask(question) });
  update();
}

function receive(reply) {
  if (!turn || reply.id !== turn.id) return;
  if (reply.type === "delta") {
    grow(reply.content);
  } else if (reply.type === "complete") {
    conversation.answered(turn.question, reply.content);
    if (reply.red_flag) turn.element.classList.add("said-emergency");
    end();
  } else if (reply.type === "cancelled") {
    if (turn.text) conversation.answered(turn.question, turn.text);
    end("Stopped.");
  } else if (reply.type === "error") {
    fail(sentence(reply));
  }
}

/** What went wrong in words for the person who asked; the server's are for its client. */
function sentence({ code, message: theirs }) {
  if (code === "rate_limit_exceeded") return "That was a lot at once. Please wait a moment.";
  if (code === "overloaded") return "Many people are asking right now. Please try again soon.";
  if (code === "not_ready") return "The assistant is still starting. Please try again soon.";
  if (theirs.startsWith("LLM API error")) return "The assistant could not answer.";
  return theirs;
}

function grow(text) {
  const following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END_PX;
  turn.text += text;
  turn.node.appendData(text);
  if (following) toEnd();
}

function end(note) {
  const { element, text } = turn;
  turn = null;
  element.removeAttribute("aria-busy");
  if (!text) element.remove();
  if (note) append("note note-quiet", note);
  update();
  toEnd();
}

function fail(why) {
  const { question, asked, text } = turn;
  end();
  const notice = append("note notice", "");
  notice.dataset.state = "bad";
  const words = document.createElement("span");
  words.textContent = why;
  const again = document.createElement("button");
  again.type = "button";
  again.className = "button again";
  again.textContent = "Try again";
  again.disabled = !link.ready;
  again.addEventListener("click", () => {
    if (!link.ready || turn) return;
    notice.remove();
    if (!text) asked.remove();
    ask(question);
  });
  notice.append(words, again);
  toEnd();
}

function append(className, text) {
  const element = document.createElement("div");
  element.className = className;
  element.textContent = text;
  log.append(element);
  return element;
}

function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
}

/* The connection. */

const STATES = {
  connecting: ["wait", "Connecting…"],
  ready: ["good", "Connected"],
  waiting: ["bad", "Reconnecting…"],
  key: ["bad", "A key is needed"],
  paused: ["wait", "Paused"],
};

function showState(state, detail) {
  const [colour, words] = STATES[state];
  status.dataset.state = colour;
  if (status.textContent !== words) status.textContent = words;
  if (state !== "ready") loseServer();
  showKeyForm(state === "key", detail === true);
  update();
  if (state === "ready" && document.activeElement === document.body) message.focus();
}

/** The server's memory ended with the connection; an answer under way ended with it too. */
function loseServer() {
  conversation.disconnected();
  if (!turn) return;
  conversation.interrupted(turn.question, turn.text);
  fail("The connection was lost before the answer was complete.");
}

function showKeyForm(wanted, wasWrong) {
  const appears = wanted && keyForm.hidden;
  keyForm.hidden = !wanted;
  composer.hidden = wanted;
  welcome.hidden = wanted || log.childElementCount > 0;
  keyError.textContent = wanted && wasWrong ? "This key was not accepted." : "";
  if (appears) key.focus();
}

function update() {
  const open = link.ready && !turn;
  send.disabled = !open || !message.value.trim();
  send.hidden = Boolean(turn);
  stop.hidden = !turn;
  clear.hidden = log.childElementCount === 0;
  clear.disabled = !link.ready;
  for (const button of [...suggestions, ...log.querySelectorAll(".again")]) {
    button.disabled = !open;
  }
}

/* The controls. */

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  if (send.disabled) return;
  const question = message.value.trim();
  message.value = "";
  fitHeight();
  ask(question);
});

message.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && turn) stop.click();
  // While an input method composes, Enter chooses a character.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  composer.requestSubmit();
});

message.addEventListener("input", () => {
  fitHeight();
  update();
});

function fitHeight() {
  message.style.height = "auto";
  message.style.height = `${message.scrollHeight + 2}px`;
}

stop.addEventListener("click", () => {
  link.send({ type: "cancel", id: turn.id });
  message.focus();
});

clear.addEventListener("click", () => {
  if (turn) {
    link.send({ type: "cancel", id: turn.id });
    turn = null;
  }
  link.send({ type: "reset" });
  conversation.clear();
  log.replaceChildren();
  welcome.hidden = false;
  update();
  message.focus();
});

for (const button of suggestions) {
  button.addEventListener("click", () => {
    ask(button.textContent);
    message.focus();
  });
}

keyForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const given = key.value.trim();
  key.value = "";
  if (given) link.useKey(given);
});

message.addEventListener("focus", () => link.wake());
addEventListener("online", () => link.wake());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") link.wake();
});

link.connect();
