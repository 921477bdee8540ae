import { CloseCode, mayReturn } from "./codes.js";

/**
 * What went wrong, for programs; the error's message says it for people, and
 * what to do about it.
 *
 * | code | meaning | comes back by itself |
 * |---|---|---|
 * | `usage` | an argument or option makes no sense; thrown at the call | – |
 * | `queue-full` | thrown by send() under the policy `throw` | – |
 * | `disconnected` | disconnect() was called before the connection was there | no |
 * | `no-websocket` | there is no WebSocket here and none was passed in | no |
 * | `insecure-context` | encryption needs crypto.subtle, and the page has none | no |
 * | `rejected` | the credentials were refused (4003); what is queued waits for better ones | no |
 * | `encryption-required` | the server wants encryption, or refused its handshake (4004) | no |
 * | `encryption-refused` | encryption was asked for and the server does not do it | no |
 * | `server-key` | the server's key is not the pinned one | no |
 * | `seal` | a sealed message was forged, damaged, repeated or missing | yes |
 * | `token` | the token function failed | yes |
 * | `network` | no connection, or it broke | yes |
 * | `timeout` | the connection was not there in time | yes |
 * | `silent` | the connection is there and nobody answers | yes |
 * | `closed` | the server closed; closeCode and reason say why | by its code |
 * | `server` | the server sent an `error` event; data has it | stays |
 * | `dropped` | a queued message was given up; data has it | stays |
 */
export type ErrorCode =
  | "usage"
  | "queue-full"
  | "disconnected"
  | "no-websocket"
  | "insecure-context"
  | "rejected"
  | "encryption-required"
  | "encryption-refused"
  | "server-key"
  | "seal"
  | "token"
  | "network"
  | "timeout"
  | "silent"
  | "closed"
  | "server"
  | "dropped";

const final: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "usage",
  "disconnected",
  "no-websocket",
  "insecure-context",
  "rejected",
  "encryption-required",
  "encryption-refused",
  "server-key",
]);

/** What an error knows besides its code and message. */
export interface ErrorDetails {
  closeCode?: number;
  reason?: string;
  data?: unknown;
  cause?: unknown;
}

/** The one error type of this library. */
export class HearthError extends Error {
  override readonly name = "HearthError";
  readonly code: ErrorCode;
  /** Code of the close frame; 1006: there was none. */
  readonly closeCode: number | undefined;
  /** Text of the close frame. */
  readonly reason: string | undefined;
  /** Of `server`: the data of the server's `error`. Of `dropped`: the message, `{event, data}`. */
  readonly data: unknown;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details);
    this.code = code;
    this.closeCode = details.closeCode;
    this.reason = details.reason;
    this.data = details.data;
  }

  /** Whether the client gives up on this error and waits for connect(). */
  get fatal(): boolean {
    if (this.code === "closed") return !mayReturn(this.closeCode ?? 1006);
    return final.has(this.code);
  }
}

/** The error for a socket that closed; said is the text of the server's last `error` before it. */
export function closeError(closeCode: number, reason: string, said?: string): HearthError {
  const details = { closeCode, reason };
  switch (closeCode) {
    case CloseCode.AuthenticationFailed:
      return new HearthError(
        "rejected",
        `The server refused the credentials (${said ?? reason}). Get new ones, then call connect() again.`,
        details,
      );
    case CloseCode.EncryptionRequired:
      return new HearthError(
        "encryption-required",
        "The server takes encrypted clients only, or refused the keys. Set the option `encryption: true`, or compare its settings.",
        details,
      );
    case CloseCode.Abnormal:
      return new HearthError("network", "The connection broke.", details);
    default: {
      const what = mayReturn(closeCode) ? "." : ". Find out why, then call connect() again.";
      return new HearthError("closed", `The server closed: ${closeCode} ${reason}${what}`, details);
    }
  }
}
