import { fullJitter } from "./backoff.js";
import { Emitter } from "./emitter.js";
import { HearthError } from "./errors.js";
import { type Message, textOf } from "./message.js";
import { type Config, configure, type Options } from "./options.js";
import { Queue, type Waiting } from "./queue.js";
import { Rooms } from "./rooms.js";
import { type Connection, Session } from "./session.js";
import { onWake } from "./wake.js";

/**
 * `disconnected`: before connect(), after disconnect(), and after an error that
 * trying again does not cure. `connecting`: a connection is being made, or the
 * next attempt waits. `connected`: authenticated, in its rooms.
 */
export type State = "disconnected" | "connecting" | "connected";

/** What the client itself tells. Messages of the server with one of these names reach `*` only. */
export interface ClientEvents {
  statechange: State;
  /** An attempt starts in so many ms, after so many failed ones; error: what ended the last. */
  connecting: { attempt: number; delay: number; error?: HearthError };
  connected: Connection;
  /** error: why there will be no further attempt; none after disconnect(). */
  disconnected: { error?: HearthError };
  /** Everything that went wrong, but for lost connections, which `connecting` tells. */
  error: HearthError;
  /** A frame of the server that is no message: a string or an ArrayBuffer. */
  raw: string | ArrayBuffer;
  /** Every message of the server. */
  "*": Message;
}

/** Gets the data; of what the server sends, the whole message besides. */
export type Handler<In extends object, K extends keyof (In & ClientEvents)> = (
  data: (In & ClientEvents)[K],
  ...more: K extends keyof ClientEvents ? [] : [message: Message]
) => void;

/** Further members of a message, and what becomes of it without a connection. */
export interface SendOptions {
  /** Goes along as `id`, for the server's application. */
  id?: unknown;
  /** false: rather drop it than have it arrive late. Default: true. */
  queue?: boolean;
}

/** sent: given to the socket; queued: waits for a connection; dropped: neither. */
export type SendResult = "sent" | "queued" | "dropped";

type Args<T> = undefined extends T
  ? [data?: T, options?: SendOptions]
  : [data: T, options?: SendOptions];

/** A connection that has lived for so many ms was a good one: the next backoff starts afresh. */
const stable = 5000;

/** Losses of a connection, told by `connecting` and not by `error`. */
const losses: readonly string[] = ["network", "timeout", "silent", "closed"];

/**
 * A client of a Hearth server, over as many connections as it takes.
 *
 * @typeParam In - what the server sends: data by event
 * @typeParam Out - what is sent to it: data by event
 */
export class Hearth<
  In extends object = Record<string, unknown>,
  Out extends object = Record<string, unknown>,
> {
  readonly #config: Config;
  readonly #events = new Emitter();
  readonly #rooms = new Rooms();
  readonly #queue: Queue;
  #state: State = "disconnected";
  #session: Session | undefined;
  #connection: Connection | undefined;
  #connectedAt = 0;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #stopWatching: (() => void) | undefined;
  #waiting = new Deferred<Connection>();

  /** Connects nothing yet. Errors: HearthError `usage`, naming the option. */
  constructor(url: string | URL, options: Options = {}) {
    this.#config = configure(url, options);
    this.#queue = new Queue(this.#config.queue);
  }

  get state(): State {
    return this.#state;
  }

  /** The connection there is; undefined unless connected. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Rooms asked for with join(). */
  get rooms(): string[] {
    return this.#rooms.names;
  }

  /** How many messages wait for a connection. */
  get queued(): number {
    return this.#queue.length;
  }

  /**
   * Connects and stays connected until disconnect(). The promise is of the
   * connection there is or the next one; it rejects with a HearthError when
   * the client gives up, and may be ignored, since events tell the same.
   */
  connect(): Promise<Connection> {
    // A handler may call disconnect(): this promise is the one that hears of it.
    const { promise } = this.#waiting;
    if (this.#state === "disconnected") {
      this.#attempt = 0;
      this.#stopWatching = onWake(() => this.#wake());
      this.#schedule(0);
      this.#events.flush();
    }
    return promise;
  }

  /** Closes, after what was sent. Rooms stay noted for the next connect(); queued messages are dropped. */
  disconnect(): void {
    this.#dropped(this.#queue.clear());
    if (this.#state !== "disconnected") {
      this.#session?.close();
      this.#stop();
    }
    this.#events.flush();
  }

  /** Calls handler at every such event. Returns how to stop. */
  on<K extends keyof (In & ClientEvents) & string>(event: K, handler: Handler<In, K>): () => void {
    return this.#events.add(event, handler, false);
  }

  /** Calls handler at the next such event only. Returns how to stop. */
  once<K extends keyof (In & ClientEvents) & string>(
    event: K,
    handler: Handler<In, K>,
  ): () => void {
    return this.#events.add(event, handler, true);
  }

  /** Without a handler: all handlers of the event. */
  off<K extends keyof (In & ClientEvents) & string>(event: K, handler?: Handler<In, K>): void {
    this.#events.remove(event, handler);
  }

  /**
   * Sends a message, or keeps it until there is a connection. The protocol
   * has no receipts: what was sent just before a connection broke may be lost.
   */
  send<K extends keyof Out & string>(event: K, ...[data, options = {}]: Args<Out[K]>): SendResult {
    if (!event) throw new HearthError("usage", "An event has a name: send(event, data).");
    const text = JSON.stringify({ event, data, id: options.id });
    if (this.#queue.length === 0 && this.#session?.send(text)) return "sent";
    if (options.queue === false) return "dropped";
    const message = { event, data, text };
    const dropped = this.#queue.push(message);
    this.#dropped(dropped);
    this.#events.flush();
    return dropped.includes(message) ? "dropped" : "queued";
  }

  /** Joins rooms, in this connection and all that follow. The server decides, and does not reply. */
  join(...rooms: string[]): void {
    this.#request(this.#rooms.join(rooms));
  }

  /** Leaves rooms, in this connection and all that follow; also those the server puts everybody in. */
  leave(...rooms: string[]): void {
    this.#request(this.#rooms.leave(rooms));
  }

  #request(texts: string[]): void {
    for (const text of texts) this.#session?.send(text);
  }

  // Everything is done before the events are flushed: a handler may call connect() or disconnect().

  #schedule(delay: number, error?: HearthError): void {
    this.#retry = setTimeout(() => this.#try(), delay);
    this.#become("connecting");
    this.#events.emit("connecting", {
      attempt: this.#attempt,
      delay,
      ...(error && { error }),
    });
  }

  #try(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#session = new Session(this.#config, {
      connected: (connection) => this.#connected(connection),
      message: (message) => this.#received(message),
      raw: (frame) => {
        this.#events.emit("raw", frame);
        this.#events.flush();
      },
      closed: (error) => this.#closed(error),
    });
  }

  #wake(): void {
    if (this.#retry !== undefined) this.#try();
    else this.#session?.check();
  }

  #connected(connection: Connection): void {
    this.#connection = connection;
    this.#connectedAt = performance.now();
    this.#request(this.#rooms.restore());
    this.#queue.flush((text) => this.#session?.send(text));
    this.#waiting.resolve(connection);
    this.#become("connected");
    this.#events.emit("connected", connection);
    this.#events.flush();
  }

  #received(message: Message): void {
    this.#events.emit("*", message);
    const { event, data } = message;
    if (event === "error") {
      const text = `The server reports: ${textOf(data) ?? "an error"}`;
      this.#events.emit("error", new HearthError("server", text, { data }));
    } else if (!own.has(event)) this.#events.emit(event, data, message);
    this.#events.flush();
  }

  #closed(error: HearthError): void {
    this.#session = undefined;
    if (this.#connection) {
      this.#connection = undefined;
      this.#waiting = new Deferred();
      if (performance.now() - this.#connectedAt >= stable) this.#attempt = 0;
    }
    if (error.fatal) this.#stop(error);
    else {
      this.#schedule(fullJitter(this.#attempt++, this.#config.backoff), error);
      if (!losses.includes(error.code)) this.#events.emit("error", error);
    }
    this.#events.flush();
  }

  #stop(error?: HearthError): void {
    clearTimeout(this.#retry);
    this.#retry = this.#session = this.#connection = undefined;
    this.#stopWatching?.();
    const early = "disconnect() was called before the connection was there.";
    this.#waiting.reject(error ?? new HearthError("disconnected", early));
    this.#waiting = new Deferred();
    this.#become("disconnected");
    if (error) {
      if (!this.#events.has("error") && !this.#events.has("disconnected")) console.error(error);
      this.#events.emit("error", error);
    }
    this.#events.emit("disconnected", { ...(error && { error }) });
  }

  #become(state: State): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#events.emit("statechange", state);
  }

  #dropped(messages: Waiting[]): void {
    for (const { event, data } of messages) {
      const text = `The message "${event}" was dropped: no connection. See the option queue.`;
      this.#events.emit("error", new HearthError("dropped", text, { data: { event, data } }));
    }
  }
}

const own: ReadonlySet<string> = new Set<keyof ClientEvents>([
  "statechange",
  "connecting",
  "connected",
  "disconnected",
  "error",
  "raw",
  "*",
]);

/** A promise and its ends. Nobody has to listen to it. */
class Deferred<T> {
  resolve!: (value: T) => void;
  reject!: (error: unknown) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    this.promise.catch(() => {});
  }
}
