/** What a service's `readyz` means, in words. */

import { missedForS } from "./absence.js";

const PATIENCE_MS = 8000;
const LONG_S = 180;

// Where they share a card, one starts after the other.
const AFTER = {
  stt: { name: "llm", title: "the language model" },
  tts: { name: "stt", title: "speech to text" },
};

/**
 * @param {boolean} wasReady whether it has been ready since the page was opened.
 * @returns {{name: string, state: string, word: string, how: string, download: object | null}} how a
 *   service is. `state` is good, wait, bad, or unreachable when not even the gateway answered; `how`
 *   has commands between backticks; `download` is its model's, while that is under way.
 */
export async function lookAt(name, wasReady) {
  let response, body;
  try {
    response = await fetch(`${name}/readyz`, {
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    body = await response.json().catch(() => ({}));
  } catch {
    return { name, ...is("unreachable", "Unknown") };
  }
  return { name, ...meaning(response.status, body, wasReady) };
}

/**
 * What is not there yet says why, where that can be told: another has to be ready first, or it loads.
 * Once that has taken long it says where the reason is; from here a failure looks like a large model.
 * @param {Set<string>} fetched whose download has been seen since the page was opened.
 */
export function explained(found, fetched) {
  const states = Object.fromEntries(found.map(({ name, state }) => [name, state]));
  return found.map((one) => {
    const before = AFTER[one.name];
    const waits = one.absent && before && states[before.name] !== "good";
    const missed = missedForS(one.name, one.absent && !waits);
    if (!one.absent) return one;
    if (waits) {
      const how = `It starts when ${before.title} is ready, where they share a graphics card.`;
      return { ...one, word: "Waiting", how };
    }
    const late = missed > LONG_S ? { how: whereToLook(one.name, missed) } : {};
    return { ...one, ...(fetched.has(one.name) ? { word: "Loading", how: LOADING } : {}), ...late };
  });
}

function whereToLook(name, missedS) {
  const own = `\`docker compose logs ${name}\``;
  const since = `It has not answered for ${Math.floor(missedS / 60)} minutes.`;
  if (name === "ws-llm") return `${since} ${own} tells what it is at, or why it ended.`;
  return `${since} If its model could not be fetched, \`docker compose logs ${name}-model\` tells why; what it is at itself is in ${own}.`;
}

const LOADING = "Its model is here and is being loaded, which takes minutes for a large one.";
const NOT_THERE =
  "It does not answer yet: a large model takes minutes to load. Its lines in `docker compose logs` say what it is at.";

function meaning(status, body, wasReady) {
  if (status === 200) return is("good", "Ready");
  const { code, message } = body.error ?? {};
  if (code === "unreachable") {
    return wasReady
      ? is("bad", "Away", "It has stopped answering: it restarts, or was stopped.")
      : { ...is("wait", "Not there yet", NOT_THERE), absent: true };
  }
  if (code === "not_ready") {
    return body.download ? downloading(body.download) : starting(message);
  }
  return is("bad", "Broken", `Asked whether it is ready, it answered with status ${status}.`);
}

export function overall(found) {
  const ready = found.filter((one) => one.state === "good").length;
  if (found.every((one) => one.state === "unreachable")) {
    return { state: "bad", text: "The gateway does not answer" };
  }
  if (ready === found.length) return { state: "good", text: "All services are ready" };
  const state = found.some((one) => one.state === "bad") ? "bad" : "wait";
  const those = `${ready} of ${found.length} services are ready`;
  const downloads = found.some((one) => one.download);
  return { state, text: downloads ? `Downloading models, ${those}` : those };
}

function downloading(download) {
  const { total_mb: total, percent } = download;
  if (percent >= 100) return is("wait", "Loading", LOADING);
  return { ...is("wait", "Downloading", `Its model: ${percent} % of ${size(total)}`), download };
}

function size(megabytes) {
  return megabytes < 1000 ? `${Math.round(megabytes)} MB` : `${(megabytes / 1000).toFixed(1)} GB`;
}

/** The service's own reason, where it says more than that it is not ready. */
function starting(message) {
  const reason = /^The service is not ready: it (.+)\.$/.exec(message ?? "")?.[1];
  if (!reason || reason === "is starting") {
    return is("wait", "Starting", "It loads what it needs and tries it once.");
  }
  return is("wait", reason.startsWith("waits") ? "Waiting" : "Starting", `It ${reason}.`);
}

function is(state, word, how = "") {
  return { state, word, how, download: null };
}
