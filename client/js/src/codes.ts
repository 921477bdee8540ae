/** Close codes of the protocol (PROTOCOL.md, "Errors and closes"; RFC 6455 section 7.4). */
export const CloseCode = {
  Normal: 1000,
  GoingAway: 1001,
  ProtocolError: 1002,
  Unsupported: 1003,
  NoStatus: 1005,
  Abnormal: 1006,
  InvalidData: 1007,
  Policy: 1008,
  TooBig: 1009,
  Internal: 1011,
  ServiceRestart: 1012,
  TryAgainLater: 1013,
  AuthTimeout: 4001,
  HeartbeatTimeout: 4002,
  AuthenticationFailed: 4003,
  EncryptionRequired: 4004,
  SealRefused: 4005,
} as const;

/** The code this client closes with when it gives a connection up; the reason is the error's code. */
export const gaveUp = 4900;

const stay: readonly number[] = [1000, 1002, 1003, 1007, 1008, 1009, 4003, 4004];

/**
 * Whether a client should come back after a close with this code. Codes
 * nobody has given a meaning here are taken for passing trouble.
 */
export function mayReturn(code: number): boolean {
  return !stay.includes(code);
}
