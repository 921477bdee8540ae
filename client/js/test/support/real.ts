import { WebSocket } from "ws";
import type { Hearth, Options } from "../../src/index.js";

interface WhoAmI {
  id: string;
  userId: string;
  rooms: string[];
  encrypted: boolean;
}

export interface FromServer {
  echo: unknown;
  msg: unknown;
  whoami: WhoAmI;
}

/** For Node 20, which has no WebSocket. */
const node = { WebSocket: WebSocket as unknown as NonNullable<Options["WebSocket"]> };

export const options: Options = { ...node, backoff: { base: 20, cap: 200 } };

/** The answer to one question. */
export function ask<K extends keyof FromServer>(
  hearth: Hearth<FromServer>,
  event: K,
  data?: unknown,
): Promise<FromServer[K]> {
  return new Promise((resolve) => {
    hearth.once(event, (...[answer]) => resolve(answer as FromServer[K]));
    hearth.send(event, data);
  });
}

/** A WebSocket class that tells what it sends and receives; what send returns is sent instead. */
export function watched(taps: {
  send?: (frame: string) => string;
  receive?: (frame: string) => void;
}): Options {
  class Watched extends WebSocket {
    constructor(url: string) {
      super(url);
      this.on("message", (frame) => taps.receive?.(String(frame)));
    }

    override send(frame: string): void {
      super.send(taps.send?.(frame) ?? frame);
    }
  }
  return { ...options, WebSocket: Watched as unknown as NonNullable<Options["WebSocket"]> };
}
