import { byId, duration, el } from "./dom.js";
import type { Trace } from "./trace.js";

const kept = 60; // round trips drawn

/** How long things take, and how much went over the wire. */
export class Timings {
  readonly #figures = byId("figures");
  readonly #chart = byId<SVGSVGElement>("trips");
  readonly #trips: number[] = [];
  #started = 0;
  #opened = 0;
  #lost: number | undefined;
  readonly #values: Record<string, string> = {
    "opening the socket": "–",
    authentication: "–",
    "last outage": "–",
    connections: "0",
    sent: "0 frames, 0 B",
    received: "0 frames, 0 B",
    "round trip, last": "–",
    "round trip, median": "–",
  };

  constructor(trace: Trace) {
    const counts = { in: { frames: 0, bytes: 0 }, out: { frames: 0, bytes: 0 } };
    let connections = 0;
    trace.listen(({ kind, at, bytes }) => {
      if (kind === "start") this.#started = at;
      if (kind === "open") {
        this.#opened = at;
        this.#set("opening the socket", duration(at - this.#started));
        this.#set("connections", String(++connections));
      }
      if (kind === "in" || kind === "out") {
        const count = counts[kind];
        count.frames++;
        count.bytes += bytes;
        this.#set(
          kind === "in" ? "received" : "sent",
          `${count.frames} frames, ${count.bytes.toLocaleString("en")} B`,
        );
      }
    });
    this.#draw();
  }

  lost(): void {
    this.#lost ??= performance.now();
  }

  /** Connected; returns how long it was not, after a loss. */
  connected(): number | undefined {
    this.#set("authentication", duration(performance.now() - this.#opened));
    if (this.#lost === undefined) return undefined;
    const outage = performance.now() - this.#lost;
    this.#lost = undefined;
    this.#set("last outage", duration(outage));
    return outage;
  }

  trip(ms: number): void {
    this.#trips.push(ms);
    if (this.#trips.length > kept) this.#trips.shift();
    const sorted = [...this.#trips].sort((a, b) => a - b);
    this.#set("round trip, last", duration(ms));
    this.#set("round trip, median", duration(sorted[sorted.length >> 1] ?? ms));
  }

  #set(name: string, value: string): void {
    this.#values[name] = value;
    this.#draw();
  }

  #draw(): void {
    this.#figures.replaceChildren(
      ...Object.entries(this.#values).map(([name, value]) =>
        el("div", {}, el("dt", {}, name), el("dd", {}, value)),
      ),
    );
    const top = Math.max(1, ...this.#trips);
    const width = 400 / kept;
    this.#chart.replaceChildren(
      ...this.#trips.map((trip, i) => {
        const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        const height = Math.max(2, (trip / top) * 110);
        bar.setAttribute("x", String(i * width + 1));
        bar.setAttribute("y", String(120 - height));
        bar.setAttribute("width", String(width - 2));
        bar.setAttribute("height", String(height));
        return bar;
      }),
    );
    const label = this.#trips.length
      ? `The last ${this.#trips.length} round trips, the longest ${duration(top)}`
      : "Round trips: none measured yet";
    this.#chart.setAttribute("aria-label", label);
  }
}
