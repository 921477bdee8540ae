// biome-ignore lint/suspicious/noExplicitAny: what handlers take is checked where they are added, in Hearth.on
type Handler = (data: any, message?: any) => void;

/**
 * Handlers by event. Names are plain data: `__proto__` is an event like any
 * other. A handler added twice is there once.
 */
export class Emitter {
  readonly #handlers = new Map<string, Map<Handler, { once: boolean }>>();

  add(event: string, handler: Handler, once: boolean): void {
    const handlers = this.#handlers.get(event) ?? new Map();
    this.#handlers.set(event, handlers.set(handler, { once }));
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

  /**
   * Calls the handlers that are there now, in the order of their adding. What
   * one throws is thrown outside, as an event target does: it is the page's
   * uncaught error, and neither the other handlers' nor the connection's.
   */
  emit(event: string, data?: unknown, message?: unknown): void {
    for (const [handler, { once }] of [...(this.#handlers.get(event) ?? [])]) {
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
}
