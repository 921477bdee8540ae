import { gaveUp } from "./codes.js";
import { closeError, HearthError } from "./errors.js";
import { Heartbeat } from "./heartbeat.js";
import { type Message, parse, textOf } from "./message.js";
import type { Config } from "./options.js";
import { makeOffer, type Offer, type Seal } from "./seal.js";

/** What the server said in `connected`. */
export interface Connection {
  /** Of this connection: another one at every reconnect. */
  id: string;
  /** Left out when authentication gave none. */
  userId?: string;
  /** Of the server, ISO 8601. */
  time: string;
  /** Whether what the server sends is sealed. */
  encrypted: boolean;
}

/** What becomes of a session. After closed nothing is called any more. */
export interface SessionEvents {
  connected(connection: Connection): void;
  message(message: Message): void;
  /** A frame that is no message. */
  raw(frame: unknown): void;
  closed(error: HearthError): void;
}

const heartbeat = JSON.stringify({ event: "heartbeat" });

/**
 * A second `authenticate` changes nothing and is always answered, by an error
 * with the text below: the only question of the protocol that every server answers.
 */
const question = JSON.stringify({ event: "authenticate" });
const answer = "Already authenticated";

/** One connection from its credentials to its end; never used again. */
export class Session {
  readonly #config: Config;
  readonly #events: SessionEvents;
  readonly #abort = new AbortController();
  readonly #deadline: ReturnType<typeof setTimeout>;
  #socket: WebSocket | undefined;
  #offer: Offer | undefined;
  #seal: Seal | undefined;
  /** There is one as soon as the server has said `connected`. */
  #heartbeat: Heartbeat | undefined;
  #ended = false;
  /** Text of the last `error` before `connected`. */
  #said: string | undefined;
  /** Answers to questions of the heartbeat that are still to come. */
  #answers = 0;
  /** crypto.subtle answers later: on encrypted connections everything waits for what was before it. */
  #inbox: Promise<void> = Promise.resolve();
  #outbox: Promise<void> = Promise.resolve();

  constructor(config: Config, events: SessionEvents) {
    this.#config = config;
    this.#events = events;
    const { connectTimeout, url } = config;
    this.#deadline = setTimeout(() => {
      const message = `No connection to ${url} within ${connectTimeout} ms.`;
      this.#end(new HearthError("timeout", message));
    }, connectTimeout);
    this.#start().catch((error) => this.#end(impossible(url, error)));
  }

  /** Whether the frame was taken; false when the socket is not open. */
  send(text: string): boolean {
    const socket = this.#socket;
    if (!this.#heartbeat || socket?.readyState !== 1) return false;
    const seal = this.#seal;
    if (!seal?.inbound) socket.send(text);
    else {
      this.#outbox = this.#outbox.then(async () => {
        const sealed = await seal.seal(text);
        if (socket.readyState === 1) socket.send(sealed);
      });
    }
    return true;
  }

  /** Makes sure that the server is still there. */
  check(): void {
    this.#heartbeat?.ask();
  }

  /** Ends the session without a call of closed, after what was sent. */
  close(): void {
    const close = () => this.#socket?.close(1000);
    this.#release();
    if (this.#seal?.inbound) this.#outbox.then(close);
    else close();
  }

  async #start(): Promise<void> {
    const WebSocket = this.#config.WebSocket ?? globalThis.WebSocket;
    if (!WebSocket) {
      throw new HearthError(
        "no-websocket",
        "There is no WebSocket here. Pass one in: new Hearth(url, { WebSocket }).",
      );
    }
    // The token function may call the client, which must know this session by then.
    await undefined;
    if (this.#ended) return;
    const credentials = await this.#credentials();
    const { encryption } = this.#config;
    if (encryption) this.#offer = await makeOffer(encryption);
    if (this.#ended) return;
    const data = { ...credentials, ...this.#offer?.ask };
    this.#open(WebSocket, JSON.stringify({ event: "authenticate", data }));
  }

  async #credentials(): Promise<object> {
    const { token } = this.#config;
    try {
      const value = typeof token === "function" ? await token(this.#abort.signal) : token;
      return typeof value === "string" ? { token: value } : { ...value };
    } catch (cause) {
      if (cause instanceof HearthError) throw cause;
      throw new HearthError("token", `The token function failed: ${cause}`, { cause });
    }
  }

  #open(WebSocket: NonNullable<Config["WebSocket"]>, authenticate: string): void {
    const { url, protocols } = this.#config;
    const socket = new WebSocket(url, protocols);
    this.#socket = socket;
    let opened = false;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      opened = true;
      socket.send(authenticate);
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    // onclose follows and knows more; but Node's sockets throw an error nobody listens to.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => {
      const error = opened
        ? closeError(code, reason, this.#said)
        : new HearthError(
            "network",
            `No connection to ${url}. Is the server there, is this its path, and does it allow this origin?`,
            { closeCode: code, reason },
          );
      this.#inOrder(() => this.#end(error));
    };
  }

  #receive(frame: unknown): void {
    this.#heartbeat?.heard();
    this.#inOrder(() => {
      if (this.#offer) return this.#handleSealed(frame);
      this.#handle(frame);
    });
  }

  #inOrder(work: () => void | Promise<void>): void {
    if (!this.#offer) work();
    else this.#inbox = this.#inbox.then(work).catch((error) => this.#end(error));
  }

  async #handleSealed(frame: unknown): Promise<void> {
    if (this.#ended) return;
    const plain = this.#seal ? await this.#seal.open(frame) : frame;
    const message = parse(plain);
    if (!this.#seal && message?.event === "connected") {
      this.#seal = await this.#offer?.accept(message.data ?? {});
    }
    this.#handle(plain, message);
  }

  #handle(frame: unknown, message = parse(frame)): void {
    if (this.#ended) return;
    if (!this.#heartbeat) this.#greet(message);
    else if (!message) this.#events.raw(frame);
    else if (!this.#isAnswer(message)) this.#events.message(message);
  }

  /** Before `connected` there is nothing for the application: errors, and what a server should not send. */
  #greet(message: Message | undefined): void {
    if (message?.event === "error") this.#said = textOf(message.data);
    if (message?.event !== "connected") return;
    const data = (message.data ?? {}) as Omit<Connection, "encrypted">;
    clearTimeout(this.#deadline);
    this.#heartbeat = new Heartbeat(this.#config.heartbeat, {
      beat: () => this.send(heartbeat),
      ask: () => {
        if (this.send(question)) this.#answers++;
      },
      silent: () => {
        const message = `The server did not answer for ${this.#config.heartbeat.timeout} ms.`;
        this.#end(new HearthError("silent", message));
      },
    });
    this.#events.connected({
      id: data.id,
      ...(data.userId !== undefined && { userId: data.userId }),
      time: data.time,
      encrypted: this.#seal !== undefined,
    });
  }

  #isAnswer(message: Message): boolean {
    if (!this.#answers || message.event !== "error" || textOf(message.data) !== answer)
      return false;
    this.#answers--;
    return true;
  }

  #end(error: HearthError): void {
    if (this.#ended) return;
    const socket = this.#socket;
    this.#release();
    // A socket of a dead path may take minutes to close: nobody waits for it.
    if (socket && socket.readyState < 2) socket.close(gaveUp, error.code);
    this.#events.closed(error);
  }

  #release(): void {
    this.#ended = true;
    clearTimeout(this.#deadline);
    this.#heartbeat?.stop();
    this.#abort.abort();
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
  }
}

/** What failed before there was a socket lies on this side, and will fail again. */
function impossible(url: string, cause: unknown): HearthError {
  if (cause instanceof HearthError) return cause;
  const message = `No attempt to reach ${url} can be made: ${cause}. (From an https: page only wss: is allowed.)`;
  return new HearthError("usage", message, { cause });
}
