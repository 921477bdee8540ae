import { Hearth, type HearthError } from "@hearthws/client";
import type { Trace } from "./trace.js";

/** What a member publishes here; a message does not say its room, so the data does. */
export interface Chat {
  room: string;
  from: string;
  text: string;
  /** Of the message, to know one's own when it comes back. */
  id: string;
}

export interface FromServer {
  chat: Chat;
  joined: { room: string; from: string };
  ping: { id: string };
}

export interface ToServer {
  publish: { room: string; event: keyof FromServer; data: FromServer[keyof FromServer] };
}

export type Client = Hearth<FromServer, ToServer>;

export interface Settings {
  name: string;
  encryption: boolean;
}

/** The page's client: a new one for new settings, in the same rooms, with the same handlers. */
export class Link {
  readonly #trace: Trace;
  readonly #equip: (client: Client) => void;
  #client: Client | undefined;

  /** equip adds the handlers to each new client. */
  constructor(trace: Trace, equip: (client: Client) => void) {
    this.#trace = trace;
    this.#equip = equip;
  }

  get client(): Client | undefined {
    return this.#client;
  }

  connect({ name, encryption }: Settings, rooms: readonly string[]): void {
    this.#client?.disconnect();
    const client: Client = new Hearth("/ws", {
      token: { name },
      encryption,
      WebSocket: this.#trace.WebSocket,
    });
    this.#client = client;
    this.#equip(client);
    client.join(...rooms);
    client.connect();
  }

  /** Publishes into a room; says whether it waits for a connection. */
  publish<E extends keyof FromServer>(room: string, event: E, data: FromServer[E]): boolean {
    return this.#client?.send("publish", { room, event, data }) === "queued";
  }
}

/** Why a room cannot be joined; undefined when it can. A client knows that before it connects. */
export function refusal(room: string): HearthError | undefined {
  try {
    new Hearth("/ws").join(room);
    return undefined;
  } catch (error) {
    return error as HearthError;
  }
}
