import { expect, vi } from "vitest";
import type { EncryptionOptions, Hearth, HearthError, Message } from "../../src/index.js";
import { FakeSocket, fakeClient } from "./fake.js";
import { SealingServer } from "./sealing.js";

/** What `connected` says about encryption. */
export interface Answer {
  serverPublicKey?: unknown;
  salt?: unknown;
  seal?: unknown;
}

/** What a server says that counts its messages and opens sealed ones. */
export const seal = { v: 1, inbound: true };

/** What the client tells, and the two ends of its connection. */
export interface Encrypted {
  hearth: Hearth;
  socket: FakeSocket;
  server: SealingServer;
  messages: Message[];
  errors: HearthError[];
}

/** Starts a connection and answers the handshake with what answer makes of the right one. */
export async function handshake(
  encryption: boolean | EncryptionOptions = true,
  answer: (right: Answer) => Answer = (right) => right,
  make = (clientKey: string) => new SealingServer(clientKey),
): Promise<Encrypted> {
  const hearth = fakeClient({ encryption, backoff: { base: 60_000 } });
  vi.spyOn(Math, "random").mockReturnValue(0.99);
  const messages: Message[] = [];
  const errors: HearthError[] = [];
  hearth.on("*", (message) => messages.push(message));
  hearth.on("error", (error) => errors.push(error));
  const before = FakeSocket.all.length;
  hearth.connect();
  await until(() => expect(FakeSocket.all.length).toBe(before + 1));
  const socket = FakeSocket.last;
  socket.open();
  const data = socket.messages[0]?.data as { publicKey: string; seal: number };
  expect(data.seal).toBe(1);
  expect(Buffer.from(data.publicKey, "base64")).toHaveLength(65);
  const server = make(data.publicKey);
  socket.greet({ ...answer({ ...server.answer, seal }) });
  return { hearth, socket, server, messages, errors };
}

/** A connection that is encrypted and connected. */
export async function encrypted(...args: Parameters<typeof handshake>): Promise<Encrypted> {
  const all = await handshake(...args);
  await until(() => expect(all.hearth.connection).toMatchObject({ encrypted: true }));
  return all;
}

/** Waits until a check holds. */
export function until(check: () => void): Promise<void> {
  return vi.waitFor(check, { interval: 1, timeout: 20_000 });
}

/** The connection was given up because of a message that is not right, and will be made again. */
export async function expectRefused(
  { hearth, socket, errors, messages }: Encrypted,
  had = 0,
): Promise<void> {
  await until(() => expect(errors).toMatchObject([{ code: "seal", fatal: false }]));
  expect(messages).toHaveLength(had);
  expect(socket.closed).toEqual({ code: 4900, reason: "seal" });
  expect(hearth.state).toBe("connecting");
  hearth.disconnect();
}
