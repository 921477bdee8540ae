export type { BackoffOptions } from "./backoff.js";
export { CloseCode, mayReturn } from "./codes.js";
export { type ErrorCode, HearthError } from "./errors.js";
export type { HeartbeatOptions } from "./heartbeat.js";
export {
  type ClientEvents,
  type Handler,
  Hearth,
  type SendOptions,
  type SendResult,
  type State,
} from "./hearth.js";
export type { Message } from "./message.js";
export type { Options, Token, WebSocketClass } from "./options.js";
export type { QueueOptions } from "./queue.js";
export type { EncryptionOptions } from "./seal.js";
export type { Connection } from "./session.js";
