/** How a connection is kept, and a dead one noticed. */
export interface HeartbeatOptions {
  /**
   * ms between heartbeats. The server closes what is silent for its
   * HeartbeatTimeout (90 s): stay below a third of it, since browsers slow the
   * timers of background pages down to one a minute. Default: 30000.
   */
  interval?: number;
  /** ms the server may take to answer when it is asked whether it is there. Default: 10000. */
  timeout?: number;
}

/** The words of a heartbeat, given by the connection it belongs to. */
export interface Pulse {
  /** Says that this side is alive. */
  beat(): void;
  /** Says so and makes the server answer. */
  ask(): void;
  /** Nobody answered. */
  silent(): void;
}

/**
 * Beats at an interval. When nothing was heard for a whole interval it asks
 * for an answer instead, since a broken path may swallow messages for a
 * quarter of an hour before TCP gives up.
 */
export class Heartbeat {
  readonly #options: Required<HeartbeatOptions>;
  readonly #pulse: Pulse;
  readonly #timer: ReturnType<typeof setInterval>;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #heard = true;

  constructor(options: Required<HeartbeatOptions>, pulse: Pulse) {
    this.#options = options;
    this.#pulse = pulse;
    this.#timer = setInterval(() => {
      if (this.#heard) pulse.beat();
      else this.ask();
      this.#heard = false;
    }, options.interval);
  }

  /** Something arrived. */
  heard(): void {
    this.#heard = true;
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  /** Makes sure that the other side is there. One question at a time. */
  ask(): void {
    if (this.#deadline !== undefined) return;
    this.#deadline = setTimeout(() => this.#pulse.silent(), this.#options.timeout);
    this.#pulse.ask();
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#deadline);
  }
}
