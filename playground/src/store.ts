/** What is kept in a storage of the browser, which refuses all access where site data is blocked. */
export function read(storage: "localStorage" | "sessionStorage", key: string): string | null {
  try {
    return window[storage].getItem(key);
  } catch {
    return null;
  }
}

export function write(
  storage: "localStorage" | "sessionStorage",
  key: string,
  value: string,
): void {
  try {
    window[storage].setItem(key, value);
  } catch {}
}
