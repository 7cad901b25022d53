/** The status page: asks each service whether it is ready, for as long as somebody looks. */

import { copyButton } from "./copy.js";
import { left } from "./pace.js";
import { explained, lookAt, overall } from "./readiness.js";

const OFTEN_MS = 2000;
const SELDOM_MS = 10000;

const $ = (id) => document.getElementById(id);
const cards = [...$("services").querySelectorAll(".service")];
const chat = $("chat");
let timer = 0;
let looking = false;
const seenReady = new Set();
const seenFetched = new Set();

async function look() {
  if (looking) return;
  looking = true;
  clearTimeout(timer);
  const answers = await Promise.all(
    cards.map((card) => lookAt(card.dataset.name, seenReady.has(card))),
  );
  const found = explained(answers, seenFetched);
  looking = false;
  showGateway(found.every((one) => one.state === "unreachable"));
  cards.forEach((card, i) => show(card, found[i]));
  const { state, text } = overall(found);
  setStatus($("overall"), state, text);
  if (!document.hidden) timer = setTimeout(look, state === "good" ? SELDOM_MS : OFTEN_MS);
}

function showGateway(away) {
  $("broken").hidden = !away;
  if (away) {
    $("broken").textContent =
      "The gateway does not answer: it restarts, or your connection is gone. Trying again.";
  }
}

function show(card, { state, word, how, download }) {
  card.dataset.state = state;
  if (state === "good") seenReady.add(card);
  if (download) seenFetched.add(card.dataset.name);
  setStatus(card.querySelector(".status"), state, word);
  line(card, ".how", "p", how, (p) => {
    p.className = "how small";
    const rest = download && left(card.dataset.name, download);
    p.replaceChildren(...withCommands(rest ? `${how}, ${rest}` : how));
  });
  line(card, "progress", "progress", download, (bar) => {
    bar.max = download.total_mb;
    bar.value = download.done_mb;
    bar.setAttribute("aria-label", "Download of the model");
  });
  if (card.dataset.name === "ws-llm") showChat(state === "good");
}

/** An element of a card that is only there while it has something to say. */
function line(card, selector, tag, wanted, fill) {
  let element = card.querySelector(selector);
  if (!wanted) {
    element?.remove();
    return;
  }
  if (!element) {
    element = document.createElement(tag);
    card.append(element);
  }
  fill(element);
}

/** A text whose commands stand between backticks. */
function withCommands(text) {
  return text.split("`").map((part, i) => {
    if (i % 2 === 0) return part;
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  });
}

function showChat(ready) {
  if (ready) chat.removeAttribute("aria-disabled");
  else chat.setAttribute("aria-disabled", "true");
  chat.textContent = ready ? "Open the chat page" : "The chat page is not ready yet";
}

function setStatus(element, state, text) {
  if (element.textContent !== text) element.textContent = text;
  element.dataset.state = state;
}

chat.addEventListener("click", (event) => {
  if (chat.getAttribute("aria-disabled") === "true") event.preventDefault();
});

document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) look();
});

for (const example of document.querySelectorAll(".example")) {
  const code = example.querySelector("code");
  code.textContent = code.textContent.replaceAll("{origin}", location.origin);
  example.querySelector("figcaption").append(copyButton(code));
}

look();
