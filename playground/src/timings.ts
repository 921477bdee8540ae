import { byId, duration, el, size } from "./dom.js";
import type { Trace } from "./trace.js";

const kept = 40; // round trips drawn

/** How long things take, and how much went over the wire. */
export class Timings {
  readonly #figures = byId("figures");
  readonly #chart = byId("trips");
  readonly #trips: number[] = [];
  #started = 0;
  #opened = 0;
  #lost: number | undefined;
  /** By name: the figure, and what belongs to it. */
  readonly #values: Record<string, [string, string?]> = {
    "socket open": ["–"],
    authentication: ["–"],
    "last outage": ["–"],
    connections: ["0"],
    "frames sent": ["0"],
    "frames received": ["0"],
    "last round trip": ["–"],
    "median of them": ["–"],
  };

  constructor(trace: Trace) {
    const counts = { in: { frames: 0, bytes: 0 }, out: { frames: 0, bytes: 0 } };
    let connections = 0;
    trace.listen(({ kind, at, bytes }) => {
      if (kind === "start") this.#started = at;
      if (kind === "open") {
        this.#opened = at;
        this.#set("socket open", duration(at - this.#started));
        this.#set("connections", String(++connections));
      }
      if (kind === "in" || kind === "out") {
        const count = counts[kind];
        count.frames++;
        count.bytes += bytes;
        const name = kind === "in" ? "frames received" : "frames sent";
        this.#set(name, String(count.frames), size(count.bytes));
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
    this.#set("last round trip", duration(ms));
    this.#set("median of them", duration(sorted[sorted.length >> 1] ?? ms));
  }

  #set(name: string, value: string, unit?: string): void {
    this.#values[name] = unit === undefined ? [value] : [value, unit];
    this.#draw();
  }

  #draw(): void {
    this.#figures.replaceChildren(
      ...Object.entries(this.#values).map(([name, [value, unit]]) =>
        el(
          "div",
          {},
          el("dt", {}, name),
          el("dd", {}, value, ...(unit ? [" ", el("small", {}, unit)] : [])),
        ),
      ),
    );
    const top = Math.max(...this.#trips);
    this.#chart.replaceChildren(
      ...this.#trips.map((trip) => {
        const bar = el("span", { title: duration(trip) });
        bar.style.height = `${(trip / top) * 100}%`;
        return bar;
      }),
    );
    if (!this.#trips.length) return;
    this.#chart.dataset.top = duration(top);
    const label = `The last ${this.#trips.length} round trips, the longest ${duration(top)}`;
    this.#chart.setAttribute("aria-label", label);
  }
}
