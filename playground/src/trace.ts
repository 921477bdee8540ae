import type { WebSocketClass } from "@hearthws/client";

/** Something that happened on a socket. */
export interface Frame {
  kind: "start" | "open" | "in" | "out" | "close";
  /** ms since the page began. */
  at: number;
  /** The frame, or what a close said. */
  text: string;
  bytes: number;
}

/**
 * Everything on the wire, as it is on the wire: the client is given a
 * WebSocket that tells what it does, and knows nothing of it.
 */
export class Trace {
  readonly #listeners: ((frame: Frame) => void)[] = [];
  #socket: WebSocket | undefined;

  listen(listener: (frame: Frame) => void): void {
    this.#listeners.push(listener);
  }

  /** Ends the connection in a way that the client takes for an accident. */
  cut(): void {
    this.#socket?.close(3001, "cut by hand");
  }

  /** The class to give to the client. */
  get WebSocket(): WebSocketClass {
    const tell = (kind: Frame["kind"], text = "") => this.#tell(kind, text);
    const use = (socket: WebSocket) => {
      this.#socket = socket;
    };
    return class extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        use(this);
        tell("start", url);
        this.addEventListener("open", () => tell("open"));
        this.addEventListener("message", ({ data }) => tell("in", String(data)));
        this.addEventListener("close", ({ code, reason }) => tell("close", `${code} ${reason}`));
      }

      override send(data: string): void {
        tell("out", data);
        super.send(data);
      }
    };
  }

  #tell(kind: Frame["kind"], text: string): void {
    const bytes = new TextEncoder().encode(text).length;
    const frame = { kind, text, bytes, at: performance.now() };
    for (const listener of this.#listeners) listener(frame);
  }
}
