/**
 * The socket: connects, proves the key, and comes back by itself with growing pauses.
 *
 * States, told to `onState(state, detail)`:
 *   connecting → ready → waiting (lost; detail: seconds to the next try) → connecting …
 *   key      the server wants a key; detail: true when the one given was wrong
 *   paused   closed because nothing happened; `wake` connects again
 */

const UNAUTHENTICATED = 4401;
const NORMAL = 1000;
const FIRST_PAUSE_S = 0.5;
const MAX_PAUSE_S = 15;
const PONG_WITHIN_MS = 4000;
const CONNECT_WITHIN_MS = 10000;
const KEY = "parley-key";

export class Link {
  #url;
  #onState;
  #onMessage;
  #socket = null;
  #state = "connecting";
  #pauseS = FIRST_PAUSE_S;
  #retryTimer = 0;
  #pongTimer = 0;

  constructor(url, { onState, onMessage }) {
    this.#url = url;
    this.#onState = onState;
    this.#onMessage = onMessage;
  }

  get ready() {
    return this.#state === "ready";
  }

  /** Connect now, whatever the state. */
  connect() {
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#enter("connecting");
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#expectAnswer(CONNECT_WITHIN_MS);
    const listen = (type, handle) =>
      socket.addEventListener(type, (event) => socket === this.#socket && handle(event));
    listen("open", () => this.#introduce());
    listen("message", (event) => this.#receive(JSON.parse(event.data)));
    listen("close", (event) => this.#lost(event.code));
  }

  /** The tab is in use again, or the network is back: look whether the server still is. */
  wake() {
    if (this.#state === "waiting" || this.#state === "paused") {
      this.connect();
    } else if (this.ready) {
      this.send({ type: "ping" });
      this.#expectAnswer(PONG_WITHIN_MS);
    }
  }

  useKey(key) {
    sessionStorage.setItem(KEY, key);
    this.connect();
  }

  send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  /** A server without keys answers the ping; one that wants a key closes the socket. */
  #introduce() {
    const token = sessionStorage.getItem(KEY);
    this.send(token ? { type: "auth", token } : { type: "ping" });
  }

  #receive(message) {
    clearTimeout(this.#pongTimer);
    if (message.type === "auth_ok" || message.type === "pong") {
      this.#pauseS = FIRST_PAUSE_S;
      if (!this.ready) this.#enter("ready");
      return;
    }
    if (this.ready) this.#onMessage(message);
  }

  #lost(code) {
    this.#drop();
    if (code === UNAUTHENTICATED) {
      const wasWrong = sessionStorage.getItem(KEY) !== null;
      sessionStorage.removeItem(KEY);
      this.#enter("key", wasWrong);
    } else if (code === NORMAL) {
      this.#enter("paused");
    } else {
      this.#retryLater();
    }
  }

  #retryLater() {
    const pauseS = this.#pauseS;
    this.#pauseS = Math.min(2 * pauseS, MAX_PAUSE_S);
    // Spread, so that all pages do not come back to a restarted server in the same moment.
    this.#retryTimer = setTimeout(() => this.connect(), pauseS * (750 + 500 * Math.random()));
    this.#enter("waiting", pauseS);
  }

  #expectAnswer(withinMs) {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = setTimeout(() => this.#lost(0), withinMs);
  }

  /** Forget the socket, so that nothing it still says is heard. */
  #drop() {
    clearTimeout(this.#pongTimer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #enter(state, detail) {
    this.#state = state;
    this.#onState(state, detail);
  }
}
