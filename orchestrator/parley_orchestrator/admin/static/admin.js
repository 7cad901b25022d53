/** The admin page. Text from the server is only ever put into text nodes. */

import { chart, summary } from "./chart.js";
import { Feed } from "./feed.js";
import { STAGES, ago, breaker, callsOn, duration, readiness } from "./words.js";

const $ = (id) => document.getElementById(id);

/** The latest snapshot, and how far the server's clock is ahead of ours, in seconds. */
let shown = null;
let ahead = 0;

const feed = new Feed(new URL("events", location.href), { onState: showState, onSnapshot: take });

const STATES = {
  connecting: ["wait", "Connecting…"],
  live: ["good", "Live"],
  waiting: ["bad", "Reconnecting…"],
  full: ["bad", "Too many pages are open, or it is stopping"],
  key: ["bad", "A key is needed"],
};

function showState(state, detail) {
  const [colour, words] = STATES[state];
  set($("link"), colour, words);
  $("content").toggleAttribute("data-stale", shown !== null && state !== "live");
  showKeyForm(state === "key", detail === true);
}

function showKeyForm(wanted, wasWrong) {
  const appears = wanted && $("key-form").hidden;
  $("key-form").hidden = !wanted;
  $("content").hidden = wanted;
  $("key-error").textContent = wanted && wasWrong ? "This key was not accepted." : "";
  if (appears) $("key").focus();
}

function take(snapshot) {
  ahead = snapshot.now - Date.now() / 1000;
  shown = snapshot;
  $("content").removeAttribute("aria-busy");
  show();
  showLatency(snapshot.calls ?? []);
}

/** Everything but the chart; again every second, because it tells how long ago things were. */
function show() {
  if (shown === null) return;
  const now = Date.now() / 1000 + ahead;
  $("broken").hidden = !shown.board;
  $("broken").textContent = shown.board ? `The state of the calls cannot be read: ${shown.board}.` : "";
  if (shown.current) showCurrent(shown.current, now);
  else forgetCurrent();
  put($("load"), callsOn(shown.load));
  const unknown = [element("li", "quiet", "Unknown.")];
  replace($("chain"), shown.chain?.map((member) => memberRow(member, now)) ?? unknown);
  replace($("services"), shown.services.map(serviceRow));
}

function showCurrent(member, now) {
  put($("model"), member.model);
  $("api").dataset.api = member.api;
  put($("api-type"), `${member.api} · ${member.name}`);
  put($("served"), member.served_at === null
    ? "It has not answered yet."
    : `Last answer ${ago(now - member.served_at)}, first text after ${duration(member.ttft_s)}.`);
}

function forgetCurrent() {
  put($("model"), "Unknown");
  $("api").dataset.api = "";
  put($("api-type"), "–");
  put($("served"), "");
}

function memberRow(member, now) {
  const api = element("p", "row-more row-api", `${member.api} · ${member.model}`);
  api.dataset.api = member.api;
  const row = line(member.name, breaker(member, now), "");
  row.append(api);
  const { last_failure: failure } = member;
  if (failure) {
    const recent = member.state !== "closed" || member.failures > 0 ? " row-bad" : "";
    const words = `${failure.reason} ${capital(ago(now - failure.at))}.`;
    row.append(element("p", `row-more${recent}`, words));
  }
  return row;
}

function serviceRow(service) {
  const unused = service.used ? [] : ["Not in the chain."];
  const time = service.seconds === null ? [] : [`Answered in ${duration(service.seconds)}.`];
  const why = service.why ? [service.why] : [];
  const looking = service.readiness === "unknown" && !service.why ? ["Looking…"] : [];
  return line(service.name, readiness(service), [...why, ...looking, ...time, ...unused].join(" "));
}

function line(name, [colour, words], more) {
  const row = element("li", "row", "");
  const state = element("p", "status", words);
  state.dataset.state = colour;
  row.append(element("p", "row-name", name), state);
  if (more) row.append(element("p", "row-more", more));
  return row;
}

/* The latencies. */

let drawn = "";

function showLatency(calls) {
  const empty = calls.length === 0;
  $("no-turns").hidden = !empty;
  put($("no-turns"), shown.board ? "Unknown." : "Nobody has called yet. Turns appear here as they happen.");
  for (const id of ["summary", "chart", "legend", "figures"]) $(id).hidden = empty;
  const width = $("chart").clientWidth;
  const state = `${width} ${JSON.stringify(calls)}`;
  if (empty || width === 0 || state === drawn) return;
  drawn = state;
  const turns = calls.flatMap((call) => call.turns);
  put($("summary"), summary(turns));
  $("legend-nobody").hidden = turns.every(({ member }) => member);
  $("chart").replaceChildren(chart(calls, width));
  $("table").replaceChildren(...tableOf(calls));
}

function tableOf(calls) {
  const head = element("thead", "", "");
  const names = ["Call", "Answered by", ...STAGES.map(([, words]) => words), "first audio"];
  head.append(tableRow("th", names));
  const body = element("tbody", "", "");
  for (const call of [...calls].reverse()) {
    for (const turn of [...call.turns].reverse()) {
      const times = [...STAGES.map(([name]) => turn.stages[name]), turn.total_s];
      body.append(tableRow("td", [call.call, turn.member || "nobody", ...times.map(cell)]));
    }
  }
  return [head, body];
}

function cell(seconds) {
  return seconds === undefined ? "–" : duration(seconds);
}

function tableRow(kind, texts) {
  const row = element("tr", "", "");
  row.append(...texts.map((text, column) => element(kind, column > 1 ? "number" : "", text)));
  return row;
}

/* The document. */

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

/** Only what changed is touched, so that screen readers and selections are left alone. */
function put(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

function set(place, colour, words) {
  place.dataset.state = colour;
  put(place, words);
}

function replace(list, rows) {
  const wanted = rows.map((row) => row.outerHTML).join("");
  if (list.innerHTML !== wanted) list.replaceChildren(...rows);
}

function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}

$("legend").prepend(
  ...STAGES.map(([name, words]) => {
    const item = element("li", `stage-${name}`, "");
    item.append(element("span", "", words));
    return item;
  }),
);

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const given = $("key").value.trim();
  $("key").value = "";
  if (given) feed.useKey(given);
});

addEventListener("online", () => feed.wake());
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") feed.wake();
});
addEventListener("resize", () => shown && showLatency(shown.calls ?? []));
setInterval(show, 1000);
feed.connect();
