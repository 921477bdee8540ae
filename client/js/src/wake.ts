/**
 * Calls back when a connection has a better chance than a moment ago: the
 * network is back, or the page is in front again (a page in the background
 * has slow timers, and a sleeping one has none). Returns how to stop.
 */
export function onWake(wake: () => void): () => void {
  const page = globalThis.document as Document | undefined;
  const stop = new AbortController(); // has a signal, as the options of a listener may
  globalThis.addEventListener?.("online", wake, stop);
  page?.addEventListener(
    "visibilitychange",
    () => {
      if (page.visibilityState === "visible") wake();
    },
    stop,
  );
  return () => stop.abort();
}
