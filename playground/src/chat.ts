import { append, byId, clock, duration, el } from "./dom.js";
import type { Chat } from "./link.js";
import { select, tabs } from "./tabs.js";

/** What the chat asks of the page. */
export interface ChatEvents {
  say(room: string, text: string): void;
  join(room: string): void;
  leave(room: string): void;
  /** Another room is in front. */
  look(room: string): void;
}

interface Room {
  tab: HTMLElement;
  lines: HTMLElement[];
  unread: number;
  /** Who wrote the last line; undefined after a note. */
  speaker: string | undefined;
}

const longest = 300; // lines kept of a room

/** Rooms, and the one in front. */
export class ChatView {
  readonly #list = byId("rooms");
  readonly #log = byId("log");
  readonly #rooms = new Map<string, Room>();
  readonly #events: ChatEvents;
  #front = "";
  #online = false;

  constructor(events: ChatEvents) {
    this.#events = events;
    tabs(this.#list, (tab) => this.show(tab.dataset.room ?? ""));
    onSubmit("say", "text", (text) => events.say(this.#front, text));
    onSubmit("join", "room", (room) => events.join(room));
    byId("leave").addEventListener("click", () => events.leave(this.#front));
  }

  get names(): string[] {
    return [...this.#rooms.keys()];
  }

  get front(): string {
    return this.#front;
  }

  /** Adds a room and shows it. */
  add(name: string): void {
    if (!this.#rooms.has(name)) {
      const tab = el("button", { type: "button", role: "tab", class: "room" }, name);
      tab.dataset.room = name;
      this.#list.append(tab);
      this.#rooms.set(name, { tab, lines: [], unread: 0, speaker: undefined });
    }
    this.show(name);
  }

  remove(name: string): void {
    this.#rooms.get(name)?.tab.remove();
    this.#rooms.delete(name);
    this.show(this.names[0] ?? "");
  }

  show(name: string): void {
    const room = this.#rooms.get(name);
    this.#front = name;
    this.#exchange(room?.lines ?? []);
    this.#log.scrollTop = this.#log.scrollHeight;
    byId<HTMLButtonElement>("leave").disabled = !room;
    this.#offerWriting();
    if (!room) return;
    room.unread = 0;
    delete room.tab.dataset.unread;
    select(this.#list, room.tab);
    this.#events.look(name);
  }

  /** Shows the lines of another room, which a screen reader is not to read out as new. */
  #exchange(lines: HTMLElement[]): void {
    this.#log.setAttribute("aria-live", "off");
    this.#log.replaceChildren(...lines);
    // Changes are told after the next painting at the earliest.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => this.#log.removeAttribute("aria-live")),
    );
  }

  /** Whether there is a connection, or one to wait for. */
  set online(online: boolean) {
    this.#online = online;
    this.#offerWriting();
  }

  #offerWriting(): void {
    const text = byId<HTMLInputElement>("text");
    text.disabled = byId<HTMLButtonElement>("send").disabled = !this.#online || !this.#front;
    text.placeholder = this.#online ? "Write to the room" : "Connect to write";
  }

  /** A message; mine: with how long it took to come back. */
  message({ room, from, text }: Chat, trip: number | undefined): void {
    const speaker = String(from);
    const classes = ["line"];
    if (trip !== undefined) classes.push("mine");
    if (this.#rooms.get(room)?.speaker === speaker) classes.push("again");
    const time = clock().slice(0, 5);
    const line = el(
      "p",
      { class: classes.join(" ") },
      ...[el("b", { class: hue(speaker) }, speaker), " ", el("span", {}, String(text)), " "],
      el("small", {}, trip === undefined ? time : `${time} · ${duration(trip)}`),
    );
    this.#add(room, line, speaker);
  }

  /** Something to know, in one room or in all. */
  note(text: string, room?: string): void {
    for (const name of room === undefined ? this.names : [room]) {
      this.#add(name, el("p", { class: "note" }, text));
    }
  }

  #add(name: string, line: HTMLElement, speaker?: string): void {
    const room = this.#rooms.get(name);
    if (!room) return;
    room.lines.push(line);
    room.speaker = speaker;
    if (room.lines.length > longest) room.lines.shift();
    if (name === this.#front) append(this.#log, line, longest);
    else if (speaker !== undefined) room.tab.dataset.unread = String(++room.unread);
  }
}

/** The colour of a name: one of six, always the same. */
function hue(name: string): string {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 65_521;
  return `hue-${sum % 6}`;
}

/** Calls back with the text of a form's one field, and empties it. */
function onSubmit(form: string, field: string, call: (text: string) => void): void {
  const input = byId<HTMLInputElement>(field);
  byId<HTMLFormElement>(form).addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    input.value = "";
    if (text) call(text);
  });
}
