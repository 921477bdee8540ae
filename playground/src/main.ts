import type { HearthError } from "@hearthws/client";
import { ChatView } from "./chat.js";
import { showCode } from "./code.js";
import { byId, duration } from "./dom.js";
import { showFrames } from "./frames.js";
import { type Client, Link, refusal, type Settings } from "./link.js";
import { read, write } from "./store.js";
import { select, tabs } from "./tabs.js";
import { offerThemes } from "./theme.js";
import { Timings } from "./timings.js";
import { Trace } from "./trace.js";

const trace = new Trace();
const timings = new Timings(trace);
const link = new Link(trace, equip);
const chat = new ChatView({ say, join, leave, look: () => showCode(settings(), chat.front) });

const name = byId<HTMLInputElement>("name");
const encryption = byId<HTMLInputElement>("encryption");
const status = byId("status");
const problem = byId("problem");
const wait = byId("wait");
const buttons = {
  connect: byId<HTMLButtonElement>("connect"),
  drop: byId<HTMLButtonElement>("drop"),
  disconnect: byId<HTMLButtonElement>("disconnect"),
  ping: byId<HTMLButtonElement>("ping"),
};

/** The name that the client was given. */
let connectedAs = "";

/** When messages of this page were sent, by their id. */
const sent = new Map<string, number>();

function settings(): Settings {
  return { name: name.value.trim(), encryption: encryption.checked };
}

/** Gives a new client its handlers. */
function equip(client: Client): void {
  // Of a client that new settings have replaced nothing is shown any more.
  const mine = <T>(handler: (data: T) => void) => {
    return (data: T) => {
      if (link.client === client || !link.client) handler(data);
    };
  };
  client.on(
    "statechange",
    mine((state) => showState(state, client)),
  );
  client.on(
    "connecting",
    mine(({ attempt, delay, error }) => {
      if (!error) return;
      timings.lost();
      chat.note(`${error.message} Attempt ${attempt} in ${duration(delay)}.`);
      wait.animate([{ transform: "scaleX(0)" }, { transform: "scaleX(1)" }], delay);
    }),
  );
  client.on(
    "connected",
    mine(({ encrypted }) => {
      const outage = timings.connected();
      const how = encrypted ? "connected, sealed" : "connected";
      chat.note(outage === undefined ? how : `${how} again after ${duration(outage)}`);
    }),
  );
  client.on(
    "disconnected",
    mine(({ error }) => chat.note(error ? "gave up" : "disconnected")),
  );
  client.on("error", mine(showProblem));
  client.on("chat", (message) => chat.message(message, tripOf(message.id)));
  client.on("joined", ({ room, from }) => chat.note(`${from} joined`, room));
  client.on("ping", ({ id }) => void tripOf(id));
}

function showState(state: string, client: Client): void {
  const focused = document.activeElement;
  for (const animation of wait.getAnimations()) animation.cancel();
  status.dataset.state = state;
  status.textContent = state;
  if (client.connection?.encrypted) status.textContent += ", sealed";
  buttons.drop.disabled = buttons.ping.disabled = state !== "connected";
  buttons.disconnect.disabled = state === "disconnected";
  chat.online = state !== "disconnected";
  offerConnect();
  // A button that goes while it has the focus hands it on to the one that undoes it.
  if (focused === buttons.connect && buttons.connect.hidden) buttons.disconnect.focus();
  if (focused === buttons.disconnect && buttons.disconnect.disabled) buttons.connect.focus();
  if (state === "connected") problem.hidden = true;
}

function isIdle(): boolean {
  return !link.client || link.client.state === "disconnected";
}

/** There is something to connect, or a new name to connect with. */
function offerConnect(): void {
  const idle = isIdle();
  buttons.connect.textContent = idle ? "Connect" : "Rename";
  buttons.connect.hidden = !idle && settings().name === connectedAs;
}

function showProblem(error: HearthError): void {
  problem.textContent = error.message;
  problem.hidden = false;
}

/** ms since a message of this page was sent, when it comes back for the first time. */
function tripOf(id: string): number | undefined {
  const start = sent.get(id);
  if (start === undefined) return undefined;
  sent.delete(id);
  const trip = performance.now() - start;
  timings.trip(trip);
  return trip;
}

/** An id for a message that is sent now. */
function stamp(): string {
  const id = Array.from(crypto.getRandomValues(new Uint8Array(9)), (b) => b.toString(36)).join("");
  sent.set(id, performance.now());
  return id;
}

function say(room: string, text: string): void {
  problem.hidden = true;
  const waits = link.publish(room, "chat", { room, from: settings().name, text, id: stamp() });
  if (waits) chat.note("no connection: the message waits for one", room);
}

function join(room: string): void {
  problem.hidden = true;
  const error = refusal(room);
  if (error) {
    showProblem(error);
    return;
  }
  link.client?.join(room);
  chat.add(room);
  // Without a connection to come it would wait, and be dropped at Connect.
  if (!isIdle()) link.publish(room, "joined", { room, from: settings().name });
  remember();
}

function leave(room: string): void {
  chat.remove(room);
  remember();
  link.client?.leave(room);
}

/** One after the other, so that each measures an idle path. */
async function measure(): Promise<void> {
  const { client } = link;
  if (!client) return;
  buttons.ping.disabled = true;
  for (let i = 0; i < 20 && client.state === "connected"; i++) {
    const id = stamp();
    const back = new Promise<void>((resolve) => {
      const stop = client.on("ping", (data) => {
        if (data.id !== id) return;
        stop();
        resolve();
      });
      setTimeout(() => {
        stop();
        resolve();
      }, 1000);
    });
    link.publish(chat.front, "ping", { id });
    await back;
  }
  // New settings have made another client meanwhile, perhaps.
  buttons.ping.disabled = link.client?.state !== "connected";
}

function connect(): void {
  problem.hidden = true;
  connectedAs = settings().name;
  remember();
  try {
    link.connect(settings(), chat.names);
  } catch (error) {
    showProblem(error as HearthError);
  }
  showCode(settings(), chat.front);
}

/** Of this tab only: a second one is somebody else. */
function remember(): void {
  const kept = { ...settings(), rooms: chat.names };
  write("sessionStorage", "playground", JSON.stringify(kept));
}

function someName(): string {
  const pick = (words: string) => {
    const all = words.split(" ");
    return all[Math.floor(Math.random() * all.length)] ?? "";
  };
  const first = pick("amber brave calm deft eager fond gentle keen lively merry quiet swift warm");
  return `${first} ${pick("badger crane finch fox hare heron lynx marten otter owl raven wren")}`;
}

const before = JSON.parse(read("sessionStorage", "playground") ?? "{}");
name.value = before.name ?? someName();
encryption.checked = before.encryption ?? false;
for (const room of before.rooms ?? ["lobby"]) if (!refusal(room)) chat.add(room);

offerThemes();
showFrames(trace);
showCode(settings(), chat.front);
const inspector = byId("tabs");
tabs(inspector, (tab) => {
  select(inspector, tab);
  for (const panel of ["frames", "timings", "code"]) {
    byId(panel).hidden = tab.getAttribute("aria-controls") !== panel;
  }
});
byId("setup").addEventListener("submit", (event) => {
  event.preventDefault();
  connect();
});
name.addEventListener("input", offerConnect);
encryption.addEventListener("change", () => {
  if (!isIdle()) connect();
});
buttons.drop.addEventListener("click", () => trace.cut());
buttons.disconnect.addEventListener("click", () => link.client?.disconnect());
buttons.ping.addEventListener("click", () => void measure());
if (before.name) connect();
else name.select();
