export const encoder = new TextEncoder();

/** Standard padded base64 (RFC 4648 section 4). */
export function encode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/**
 * The bytes of standard padded base64, in its one canonical form; undefined
 * for everything else. atob alone takes blanks, missing padding and stray
 * bits, so that a changed text could stand for the same bytes.
 */
export function decode(text: unknown): Uint8Array<ArrayBuffer> | undefined {
  try {
    const raw = atob(text as string);
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    if (encode(bytes) === text) return bytes;
  } catch {}
  return undefined;
}
