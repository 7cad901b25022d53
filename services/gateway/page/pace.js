/** How long downloads will still take, judged by how they went while the page was open. */

const ENOUGH_S = 8;
const REMEMBERED_S = 120;

const seen = new Map();

/** @returns {string} the time that is left in words; empty while that is not known. */
export function left(name, { done_mb: done, total_mb: total }, nowS = performance.now() / 1000) {
  const samples = (seen.get(name) ?? []).filter((one) => nowS - one.at < REMEMBERED_S);
  seen.set(name, [...samples, { at: nowS, done }]);
  const first = samples[0];
  if (!first || nowS - first.at < ENOUGH_S || done <= first.done) return "";
  return words(((total - done) * (nowS - first.at)) / (done - first.done));
}

function words(seconds) {
  if (seconds < 60) return "less than a minute left";
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `about ${minutes} ${minutes === 1 ? "minute" : "minutes"} left`;
  return `about ${Math.round(minutes / 60)} hours left`;
}
