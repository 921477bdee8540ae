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

/** Errors: HearthError `usage`, naming the option. */
export function configure(url: string | URL, options: Options): Config {
  const { encryption } = options;
  const config: Config = {
    url: address(url),
    token: options.token,
    encryption: encryption === true ? {} : encryption || undefined,
    queue: { messages: 256, bytes: 1 << 20, overflow: "drop-newest", ...options.queue },
    backoff: { base: 1000, cap: 30_000, ...options.backoff },
    heartbeat: { interval: 30_000, timeout: 10_000, ...options.heartbeat },
    connectTimeout: options.connectTimeout ?? 20_000,
    protocols: options.protocols,
    WebSocket: options.WebSocket,
  };
  positive("backoff.base", config.backoff.base);
  positive("backoff.cap", config.backoff.cap);
  positive("heartbeat.interval", config.heartbeat.interval);
  positive("heartbeat.timeout", config.heartbeat.timeout);
  positive("connectTimeout", config.connectTimeout);
  return config;
}

function positive(name: string, value: number): void {
  // Timers take 32 bits, and fire at once beyond.
  if (value > 0 && value < 2 ** 31) return;
  throw new HearthError("usage", `${name} must be milliseconds above 0, and is ${value}.`);
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
