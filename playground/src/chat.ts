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
}

const longest = 300; // lines kept of a room

/** Rooms, and the one in front. */
export class ChatView {
  readonly #list = byId("rooms");
  readonly #log = byId<HTMLOListElement>("log");
  readonly #rooms = new Map<string, Room>();
  readonly #events: ChatEvents;
  #front = "";

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
      this.#rooms.set(name, { tab, lines: [], unread: 0 });
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
    this.#log.replaceChildren(...(room?.lines ?? []));
    this.#log.scrollTop = this.#log.scrollHeight;
    byId<HTMLInputElement>("text").disabled = !room;
    byId<HTMLButtonElement>("leave").disabled = !room;
    if (!room) return;
    room.unread = 0;
    delete room.tab.dataset.unread;
    select(this.#list, room.tab);
    this.#events.look(name);
  }

  /** A message; mine: with how long it took to come back. */
  message({ room, from, text }: Chat, trip: number | undefined): void {
    const line = el("li", trip === undefined ? {} : { class: "mine" });
    line.append(el("b", {}, String(from)), " ", el("span", {}, String(text)), " ");
    const time = clock().slice(0, 8);
    line.append(el("small", {}, trip === undefined ? time : `${time} · ${duration(trip)}`));
    this.#add(room, line);
  }

  /** Something to know, in one room or in all. */
  note(text: string, room?: string): void {
    for (const name of room === undefined ? this.names : [room]) {
      this.#add(name, el("li", { class: "note" }, text));
    }
  }

  #add(name: string, line: HTMLElement): void {
    const room = this.#rooms.get(name);
    if (!room) return;
    room.lines.push(line);
    if (room.lines.length > longest) room.lines.shift();
    if (name === this.#front) append(this.#log, line, longest);
    else if (!line.classList.contains("note")) room.tab.dataset.unread = String(++room.unread);
  }
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
