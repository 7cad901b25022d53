/** Numbers and states as a person reads them. */

export const STAGES = [
  ["stt", "speech to text"],
  ["endpoint", "end of turn"],
  ["llm", "language model"],
  ["tts", "text to speech"],
];

/** Seconds as `340 ms` or `1.24 s`. */
export function duration(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(2)} s`;
}

/** How many calls are on, of how many. */
export function callsOn({ calls, max_calls: most }) {
  const full = calls >= most ? " It takes no more." : "";
  return `${calls === 0 ? "No call is" : calls === 1 ? "1 call is" : `${calls} calls are`} on, of ${most} at most.${full}`;
}

/** How long ago, coarsely. */
export function ago(seconds) {
  if (seconds < 5) return "just now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  return `${Math.round(seconds / 3600)} h ago`;
}

/** A breaker's state: [colour, words]. */
export function breaker(member, now) {
  if (member.state === "open") {
    return ["bad", `Open, tried again in ${Math.max(0, Math.ceil(member.rests_until - now))} s`];
  }
  if (member.state === "half_open") return ["wait", "Half-open, next turn tries it"];
  if (member.failures > 0) {
    return ["wait", `In service, ${member.failures} of ${member.failures_to_open} failures`];
  }
  return ["good", "In service"];
}

/** A service's readiness: [colour, words]. */
export function readiness(service) {
  const colour = { ready: "good", unknown: "wait", not_ready: "bad", away: "bad" };
  const words = { ready: "Ready", unknown: "Unknown", not_ready: "Not ready", away: "Away" };
  const needed = service.used || service.readiness === "ready";
  return [needed ? colour[service.readiness] : "none", words[service.readiness]];
}
