/**
 * The live updates: server-sent events read with fetch, because EventSource can send no key.
 *
 * States, told to `onState(state, detail)`:
 *   connecting → live → waiting (lost) → connecting …
 *   key    the server wants a key; detail: true when the one given was wrong
 *   full   too many pages are open; it goes on trying
 */

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10000;
const SILENCE_MS = 15000;
const KEY = "parley-key";

export class Feed {
  #url;
  #onState;
  #onSnapshot;
  #pauseMs = FIRST_PAUSE_MS;
  #retryTimer = 0;
  #silenceTimer = 0;
  #running = null;
  #state = "connecting";

  constructor(url, { onState, onSnapshot }) {
    this.#url = url;
    this.#onState = onState;
    this.#onSnapshot = onSnapshot;
  }

  /** The tab is in use again, or the network is back. */
  wake() {
    if (this.#state === "waiting" || this.#state === "full") this.connect();
  }

  useKey(key) {
    sessionStorage.setItem(KEY, key);
    this.connect();
  }

  /** Begin anew, whatever the state. */
  async connect() {
    clearTimeout(this.#retryTimer);
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.#enter("connecting");
    let then = "waiting";
    try {
      then = await this.#read(running);
    } catch (error) {
      // The network, our own abort, or a body that is no stream of ours; all else is a mistake.
      const foreign = [TypeError, DOMException, SyntaxError].some((kind) => error instanceof kind);
      if (!foreign) throw error;
    } finally {
      clearTimeout(this.#silenceTimer);
    }
    if (running === this.#running) this.#lost(then);
  }

  /** Read until the stream ends; the value is the state after it. */
  async #read(running) {
    this.#expectMore(running);
    const key = sessionStorage.getItem(KEY);
    const headers = key ? { authorization: `Bearer ${key}` } : {};
    const response = await fetch(this.#url, { headers, cache: "no-store", signal: running.signal });
    if (response.status === 401) return "key";
    if (response.status === 429 || response.status === 503) return "full";
    if (!response.ok) return "waiting";
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return "waiting";
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      for (const event of events) this.#receive(JSON.parse(event.slice("data: ".length)), running);
    }
  }

  #receive(snapshot, running) {
    if (running !== this.#running || snapshot.error) return;
    this.#expectMore(running);
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#enter("live");
    // A mistake in drawing is reported as one, and is no loss of the connection.
    queueMicrotask(() => this.#onSnapshot(snapshot));
  }

  #expectMore(running) {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = setTimeout(() => running.abort(), SILENCE_MS);
  }

  #lost(then) {
    if (then === "key") {
      const wasWrong = sessionStorage.getItem(KEY) !== null;
      sessionStorage.removeItem(KEY);
      this.#enter("key", wasWrong);
      return;
    }
    this.#enter(then);
    this.#retryTimer = setTimeout(() => this.connect(), this.#pauseMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
  }

  #enter(state, detail) {
    this.#state = state;
    this.#onState(state, detail);
  }
}
