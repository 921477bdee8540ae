/**
 * Calls back when a connection has a better chance than a moment ago: the
 * network is back, or the page is in front again (a page in the background
 * has slow timers, and a sleeping one has none). Returns how to stop.
 */
export function onWake(wake: () => void): () => void {
  const page = globalThis.document as Document | undefined;
  const visible = () => {
    if (page?.visibilityState === "visible") wake();
  };
  globalThis.addEventListener?.("online", wake);
  page?.addEventListener("visibilitychange", visible);
  return () => {
    globalThis.removeEventListener?.("online", wake);
    page?.removeEventListener("visibilitychange", visible);
  };
}
