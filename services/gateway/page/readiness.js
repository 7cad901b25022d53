/** What a service's `readyz` means, in words. */

const PATIENCE_MS = 5000;

/**
 * @param {boolean} wasReady whether it has been ready since the page was opened.
 * @returns {{state: string, word: string, how: string, percent: number | null}} how a service is.
 *   `state` is good, wait, bad, or unreachable when not even the gateway answered.
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
    return is("unreachable", "Unknown");
  }
  return meaning(response.status, body, wasReady);
}

function meaning(status, body, wasReady) {
  if (status === 200) return is("good", "Ready");
  const { code, message } = body.error ?? {};
  if (code === "unreachable") {
    return wasReady
      ? is("bad", "Away", "It has stopped answering: it restarts, or was stopped.")
      : is("wait", "Not there yet", "It does not answer yet: a large model takes minutes to load.");
  }
  if (code === "not_ready") {
    return body.download ? downloading(body.download) : is("wait", "Starting", why(message));
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
  return { state, text: `${ready} of ${found.length} services are ready` };
}

function downloading({ done_mb: done, total_mb: total, percent }) {
  if (percent >= 100) return is("wait", "Loading", "Its model is here and is being loaded.");
  return {
    ...is("wait", "Downloading", `Its model: ${size(done)} of ${size(total)}, ${percent} %`),
    percent,
  };
}

function size(megabytes) {
  return megabytes < 1000 ? `${Math.round(megabytes)} MB` : `${(megabytes / 1000).toFixed(1)} GB`;
}

/** The service's own reason, where it says more than that it is not ready. */
function why(message) {
  const reason = /^The service is not ready: it (.+)\.$/.exec(message ?? "")?.[1];
  if (!reason || reason === "is starting") return "It loads what it needs and tries it once.";
  return `It ${reason}.`;
}

function is(state, word, how = "") {
  return { state, word, how, percent: null };
}
