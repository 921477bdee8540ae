import { encoder } from "./bytes.js";
import { HearthError } from "./errors.js";

/** What waits while there is no connection. */
export interface QueueOptions {
  /** How many messages may wait; 0: none, they are dropped. Default: 256. */
  messages?: number;
  /** How large they may be together, in bytes of JSON. Default: 1048576. */
  bytes?: number;
  /**
   * What happens to a message that finds the queue full: it is dropped, the
   * oldest are dropped to make room, or send() throws. Everything dropped is
   * told by an `error` event with the code `dropped`. Default: `drop-newest`.
   */
  overflow?: "drop-newest" | "drop-oldest" | "throw";
}

/** A message that waits. */
export interface Waiting {
  event: string;
  data: unknown;
  text: string;
}

/** First in, first out, bounded in messages and bytes. */
export class Queue {
  readonly #options: Required<QueueOptions>;
  #waiting: (Waiting & { size: number })[] = [];
  #bytes = 0;

  constructor(options: Required<QueueOptions>) {
    this.#options = options;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Puts a message at the end and returns what had to be dropped: it, older ones, or nothing. */
  push(message: Waiting): Waiting[] {
    const { messages, bytes, overflow } = this.#options;
    const size = encoder.encode(message.text).length;
    const fits = () => this.#waiting.length < messages && this.#bytes + size <= bytes;
    const dropped: Waiting[] = [];
    if (!fits()) {
      if (overflow === "throw") {
        throw new HearthError(
          "queue-full",
          `No connection, and ${this.length} messages wait. See the option queue.`,
        );
      }
      if (overflow === "drop-newest" || messages === 0 || size > bytes) return [message];
      while (!fits()) dropped.push(this.#take());
    }
    this.#waiting.push({ ...message, size });
    this.#bytes += size;
    return dropped;
  }

  /** Hands over messages, oldest first, as long as send takes them. */
  flush(send: (text: string) => boolean | undefined): void {
    while (this.#waiting[0] && send(this.#waiting[0].text)) this.#take();
  }

  /** Empties the queue and returns what was in it. */
  clear(): Waiting[] {
    this.#bytes = 0;
    return this.#waiting.splice(0);
  }

  #take(): Waiting {
    const first = this.#waiting.shift() as Waiting & { size: number };
    this.#bytes -= first.size;
    return first;
  }
}
