// biome-ignore lint/suspicious/noExplicitAny: what handlers take is checked where they are added, in Hearth.on
type Handler = (data: any, ...more: any) => void;

/**
 * Handlers by event. Names are plain data: `__proto__` is an event like any
 * other. A handler added twice is there once.
 */
export class Emitter {
  /** And whether only once. */
  readonly #handlers = new Map<string, Map<Handler, boolean>>();
  #due: [event: string, data: unknown, message: unknown][] = [];
  #flushing = false;

  /** Returns how to remove it. */
  add(event: string, handler: Handler, once: boolean): () => void {
    const handlers = this.#handlers.get(event) ?? new Map();
    this.#handlers.set(event, handlers.set(handler, once));
    return () => this.remove(event, handler);
  }

  /** Without a handler: all of the event. */
  remove(event: string, handler?: Handler): void {
    const handlers = this.#handlers.get(event);
    if (handler) handlers?.delete(handler);
    if (!handler || !handlers?.size) this.#handlers.delete(event);
  }

  has(event: string): boolean {
    return this.#handlers.has(event);
  }

  /** Notes an event for flush. */
  emit(event: string, data?: unknown, message?: unknown): void {
    this.#due.push([event, data, message]);
  }

  /**
   * Calls the handlers of what was noted, first in, first out: what a handler
   * causes waits until all the others know what came before. What one throws
   * is thrown outside, as an event target does: it is the page's uncaught
   * error, and neither the other handlers' nor the connection's.
   */
  flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    for (const [event, data, message] of this.#due) {
      for (const [handler, once] of [...(this.#handlers.get(event) ?? [])]) {
        if (!this.#handlers.get(event)?.has(handler)) continue;
        if (once) this.remove(event, handler);
        try {
          handler(data, message);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    }
    this.#due = [];
    this.#flushing = false;
  }
}
