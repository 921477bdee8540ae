import { afterEach, beforeEach, vi } from "vitest";
import { Hearth, type Options } from "../../src/index.js";

type Json = Record<string, unknown>;

/** A WebSocket whose other end is the test. */
export class FakeSocket {
  static all: FakeSocket[] = [];

  readonly url: string;
  readonly protocols: string | string[] | undefined;
  readyState = 0;
  binaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  /** Frames the client has sent. */
  readonly frames: string[] = [];
  /** How the client has closed. */
  closed: { code?: number | undefined; reason?: string | undefined } | undefined;

  constructor(url: string, protocols?: string | string[]) {
    this.url = url;
    this.protocols = protocols;
    FakeSocket.all.push(this);
  }

  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  send(frame: string): void {
    if (this.readyState === 0) throw new Error("InvalidStateError: still connecting");
    if (this.readyState === 1) this.frames.push(frame);
  }

  close(code?: number, reason?: string): void {
    this.readyState = 2;
    this.closed ??= { code, reason };
  }

  /** What the client has sent, parsed. */
  get messages(): Json[] {
    return this.frames.map((frame) => JSON.parse(frame));
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  receive(frame: unknown): void {
    const raw = typeof frame === "string" || frame instanceof ArrayBuffer;
    this.onmessage?.({ data: raw ? frame : JSON.stringify(frame) });
  }

  /** The server, or the network, closes. */
  drop(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  /** Opens and greets as a server does. */
  greet(data: Json = {}): void {
    if (this.readyState === 0) this.open();
    this.receive({ event: "connected", data: { id: "c1", userId: "u", time: "t", ...data } });
  }
}

/** A client on fake sockets and a fake clock. */
export function fakeClient<
  In extends object = Record<string, unknown>,
  Out extends object = Record<string, unknown>,
>(options: Options = {}): Hearth<In, Out> {
  return new Hearth<In, Out>("ws://test/ws", {
    WebSocket: FakeSocket as unknown as NonNullable<Options["WebSocket"]>,
    ...options,
  });
}

/** Lets everything happen that is due now. */
export async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

/** Connects a client and answers as the server. */
export async function connected<In extends object, Out extends object>(
  hearth: Hearth<In, Out>,
): Promise<FakeSocket> {
  hearth.connect();
  await settle();
  FakeSocket.last.greet();
  return FakeSocket.last;
}

/** Every test of the file runs on fake sockets and a stopped clock. */
export function useFakes(): void {
  beforeEach(() => {
    FakeSocket.all = [];
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });
}

/** Every event of the client about its connection, in order. */
export function history(hearth: Hearth): unknown[][] {
  const seen: unknown[][] = [];
  for (const event of [
    "statechange",
    "connecting",
    "connected",
    "disconnected",
    "error",
  ] as const) {
    hearth.on(event, (data: unknown) => seen.push([event, data]));
  }
  return seen;
}
