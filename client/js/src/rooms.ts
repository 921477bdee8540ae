import { HearthError } from "./errors.js";

/** Rooms per message: names of 256 characters stay below the server's limit of 128 KiB. */
const perMessage = 100;

/** The rooms a client wants to be in, whatever happens to its connections. */
export class Rooms {
  readonly #joined = new Set<string>();
  /** Left without having been joined: rooms the server puts everybody in, again at every connection. */
  readonly #left = new Set<string>();

  get names(): string[] {
    return [...this.#joined];
  }

  /** Notes rooms as wanted and returns the messages that say so. */
  join(rooms: readonly string[]): string[] {
    check(rooms);
    for (const room of rooms) {
      this.#joined.add(room);
      this.#left.delete(room);
    }
    return messages("join", rooms);
  }

  /** Notes rooms as not wanted and returns the messages that say so. */
  leave(rooms: readonly string[]): string[] {
    check(rooms);
    for (const room of rooms) {
      this.#joined.delete(room);
      this.#left.add(room);
    }
    return messages("leave", rooms);
  }

  /** The messages that bring a new connection to where the last one was. */
  restore(): string[] {
    return [...messages("leave", [...this.#left]), ...messages("join", this.names)];
  }
}

/** PROTOCOL.md, "Rooms": a server drops other names without a word, so they are refused here. */
function check(rooms: readonly string[]): void {
  for (const room of rooms) {
    if (typeof room === "string" && room && room.length <= 256 && !room.startsWith("ws:")) continue;
    throw new HearthError(
      "usage",
      `"${room}" cannot be a room: names are strings of 1 to 256 characters that do not start with "ws:".`,
    );
  }
}

function messages(event: "join" | "leave", rooms: readonly string[]): string[] {
  const texts: string[] = [];
  for (let i = 0; i < rooms.length; i += perMessage) {
    texts.push(JSON.stringify({ event, data: { rooms: rooms.slice(i, i + perMessage) } }));
  }
  return texts;
}
