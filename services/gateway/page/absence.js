/** For how long a service has been missed, while somebody looked. */

const since = new Map();

/** @returns {number} seconds, up to now; none for who is not missed. */
export function missedForS(name, missed, nowS = performance.now() / 1000) {
  if (!missed) {
    since.delete(name);
    return 0;
  }
  if (!since.has(name)) since.set(name, nowS);
  return nowS - since.get(name);
}
