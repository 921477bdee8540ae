/** The element of the page with this id, which index.html has. */
export function byId<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element as unknown as T;
}

interface Props {
  class?: string;
  title?: string;
  type?: string;
  role?: string;
}

/** A new element. Children that are strings become text, never markup. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Adds to the end of a scrolling list, which stays at its end if it was there, and at most so long. */
export function append(list: HTMLElement, item: HTMLElement, atMost: number): void {
  const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
  list.append(item);
  while (list.childElementCount > atMost) list.firstElementChild?.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** 12:03:11.042 */
export function clock(time = new Date()): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const ms = String(time.getMilliseconds()).padStart(3, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${ms}`;
}

/** 0.42 ms, 12 ms, 1.8 s */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** 96 B, 2.6 kB */
export function size(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}
