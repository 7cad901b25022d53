/**
 * What was said, and how much of it the server has to be told again.
 *
 * The server remembers a conversation for as long as its connection lasts. On the connection
 * that has answered before, the newest message is enough; on a new one the page sends all it has.
 */

// Below the server's limit for one message, with room for the JSON around it.
const MAX_CONTEXT_BYTES = 48 * 1024;
const MAX_CONTEXT_MESSAGES = 40;

const encoder = new TextEncoder();

export class Conversation {
  #messages = [];
  #remembered = false;

  /** The messages to send for a new question. */
  ask(question) {
    const newest = { role: "user", content: question };
    return this.#remembered ? [newest] : fitting([...this.#messages, newest]);
  }

  answered(question, answer) {
    this.#keep(question, answer);
    this.#remembered = true;
  }

  /** The connection broke in the middle: the reader has seen this much, the server forgot it. */
  interrupted(question, answer) {
    if (answer) this.#keep(question, answer);
  }

  disconnected() {
    this.#remembered = false;
  }

  clear() {
    this.#messages = [];
    this.#remembered = false;
  }

  #keep(question, answer) {
    this.#messages.push({ role: "user", content: question });
    this.#messages.push({ role: "assistant", content: answer });
  }
}

/** The newest messages that fit into one request, beginning with a question. */
function fitting(messages) {
  let first = messages.length - 1;
  let bytes = 0;
  for (let i = first; i >= 0 && messages.length - i <= MAX_CONTEXT_MESSAGES; i -= 1) {
    bytes += encoder.encode(JSON.stringify(messages[i])).length;
    if (bytes > MAX_CONTEXT_BYTES) break;
    if (messages[i].role === "user") first = i;
  }
  return messages.slice(first);
}
