/** A message, to a server or from it. */
export interface Message {
  event: string;
  data?: unknown;
  id?: unknown;
}

/** The text of an `error` event's data, if it has the usual form. */
export function textOf(data: unknown): string | undefined {
  const text = (data as { message?: unknown } | null | undefined)?.message;
  return typeof text === "string" ? text : undefined;
}

/** The message in a frame; undefined when it is something else. */
export function parse(frame: unknown): Message | undefined {
  if (typeof frame !== "string") return undefined;
  try {
    const message = JSON.parse(frame);
    if (typeof message?.event === "string") return message;
  } catch {}
  return undefined;
}
