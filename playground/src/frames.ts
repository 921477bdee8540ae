import { append, byId, clock, duration, el } from "./dom.js";
import type { Frame, Trace } from "./trace.js";

const signs = { start: "◇", open: "◆", in: "▼", out: "▲", close: "✕" };
const names = { start: "socket", open: "open", in: "received", out: "sent", close: "closed" };

/** The frames on the wire, one line each, which open to show the whole. */
export function showFrames(trace: Trace): void {
  const list = byId("frame-list");
  const quiet = byId<HTMLInputElement>("quiet");
  const pause = byId("pause");
  let paused = false;
  let last = performance.now();

  trace.listen((frame) => {
    if (paused || (quiet.checked && isHeartbeat(frame))) return;
    append(list, line(frame, frame.at - last), 500);
    last = frame.at;
  });
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
  });
  byId("clear").addEventListener("click", () => list.replaceChildren());
}

function line(frame: Frame, since: number): HTMLElement {
  const { kind, text, bytes } = frame;
  const summary = el(
    "summary",
    {},
    el("span", { class: "sign", title: names[kind] }, signs[kind]),
    el("time", {}, clock()),
    el("span", { class: "since" }, `+${duration(since)}`),
    el("span", { class: "size" }, kind === "in" || kind === "out" ? `${bytes} B` : names[kind]),
    el("code", {}, ...withEvent(text.slice(0, 300))),
  );
  return el("li", { class: kind }, el("details", {}, summary, el("pre", {}, pretty(text))));
}

/** The frame as it is, the name of its event in bold. */
function withEvent(text: string): (Node | string)[] {
  const [, before = "", event = "", after = ""] = text.match(/^({"event":")(.*?)(".*)$/s) ?? [];
  return event ? [before, el("b", {}, event), after] : [text];
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Heartbeats, and the questions and answers that stand for them. */
function isHeartbeat({ text }: Frame): boolean {
  return (
    text === '{"event":"heartbeat"}' ||
    text === '{"event":"authenticate"}' ||
    text.includes('"Already authenticated"')
  );
}
