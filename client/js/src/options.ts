import type { BackoffOptions } from "./backoff.js";
import { HearthError } from "./errors.js";
import type { HeartbeatOptions } from "./heartbeat.js";
import type { QueueOptions } from "./queue.js";
import type { EncryptionOptions } from "./seal.js";

/** What the server authenticates by: a string goes as `{token}`, an object as it is. */
export type Token = string | Readonly<Record<string, unknown>>;

/** The part of the WebSocket class that is used here. */
export type WebSocketClass = new (url: string, protocols?: string | string[]) => WebSocket;

export interface Options {
  /**
   * The credentials, or a function that gets them, asked before every
   * attempt; the signal aborts when the attempt is over. What it throws is
   * told by `error` with the code `token`, and tried again later; to stop
   * instead, throw a HearthError with the code `rejected`. Default: none.
   */
  token?: Token | ((signal: AbortSignal) => Token | Promise<Token>);
  /** Sealed messages; true: with the defaults. Default: false. */
  encryption?: boolean | EncryptionOptions;
  /** What waits while there is no connection. */
  queue?: QueueOptions;
  /** How long to wait between attempts. */
  backoff?: BackoffOptions;
  /** How a connection is kept, and a dead one noticed. */
  heartbeat?: HeartbeatOptions;
  /** ms an attempt may take, token function included. Default: 20000. */
  connectTimeout?: number;
  /** Subprotocols offered to the server. Default: none. */
  protocols?: string | string[];
  /** For where there is none: Node before 22. Default: globalThis.WebSocket. */
  WebSocket?: WebSocketClass;
}

/** Options with every default in place. */
export interface Config {
  url: string;
  token: Options["token"];
  encryption: EncryptionOptions | undefined;
  queue: Required<QueueOptions>;
  backoff: Required<BackoffOptions>;
  heartbeat: Required<HeartbeatOptions>;
  connectTimeout: number;
  protocols: string | string[] | undefined;
  WebSocket: WebSocketClass | undefined;
}

const overflows: unknown[] = ["drop-newest", "drop-oldest", "throw"];

/** Errors: HearthError `usage`, naming the option. */
export function configure(url: string | URL, options: Options): Config {
  const { token, encryption, queue, backoff, heartbeat, protocols, WebSocket } = options;
  return {
    url: address(url),
    token,
    encryption: encryption === true ? {} : encryption || undefined,
    queue: complete<Config["queue"]>(
      "queue.",
      { messages: 256, bytes: 1 << 20, overflow: "drop-newest" },
      queue,
    ),
    backoff: complete("backoff.", { base: 1000, cap: 30_000 }, backoff),
    heartbeat: complete("heartbeat.", { interval: 30_000, timeout: 10_000 }, heartbeat),
    ...complete("", { connectTimeout: 20_000 }, options),
    protocols,
    WebSocket,
  };
}

/** The options that were given, and the defaults of the others; undefined is as good as not given. */
function complete<T extends object>(group: string, defaults: T, given: Partial<T> = {}): T {
  for (const name in defaults) {
    const value = given[name] ?? defaults[name];
    const number = value as number;
    const [valid, what] =
      name === "overflow"
        ? [overflows.includes(value), `one of ${overflows}`]
        : group === "queue."
          ? [number >= 0, "0 or more"]
          : // Timers take 32 bits, and fire at once beyond.
            [number > 0 && number < 2 ** 31, "milliseconds above 0"];
    if (!valid) {
      throw new HearthError("usage", `${group}${name} must be ${what}, and is ${value}.`);
    }
    defaults[name] = value;
  }
  return defaults;
}

/** The ws: or wss: form of an address, which in a page may be relative: "/ws". */
function address(url: string | URL): string {
  try {
    const parsed = new URL(url, globalThis.location?.href);
    parsed.protocol = parsed.protocol.replace(/^http/, "ws");
    parsed.hash = "";
    if (/^wss?:$/.test(parsed.protocol)) return parsed.href;
  } catch {}
  throw new HearthError(
    "usage",
    `"${url}" is no address of a server: give one like "wss://example.com/ws", or in a page "/ws".`,
  );
}
