import { expect, it, vi } from "vitest";
import vectors from "../../../protocol/vectors/messages.json";
import type { Message } from "../src/index.js";
import { connected, FakeSocket, fakeClient, useFakes } from "./support/fake.js";

useFakes();

interface FromServer {
  chat: { text: string };
  gone: undefined;
}

it("gives data and the whole message to every handler, in the order of adding", async () => {
  const hearth = fakeClient<FromServer>();
  const got: unknown[] = [];
  hearth.on("chat", (data, message) => got.push(["first", data.text, message.id]));
  hearth.on("chat", ({ text }) => got.push(["second", text]));
  hearth.on("*", (message) => got.push(["all", message.event]));
  hearth.on("gone", (data) => got.push(["gone", data]));
  const socket = await connected(hearth);
  socket.receive({ event: "chat", data: { text: "hi" }, id: 7 });
  socket.receive({ event: "gone" });
  socket.receive({ event: "unheard", data: 1 });
  expect(got).toEqual([
    ["all", "chat"],
    ["first", "hi", 7],
    ["second", "hi"],
    ["all", "gone"],
    ["gone", undefined],
    ["all", "unheard"],
  ]);
  hearth.disconnect();
});

it("stops by the returned function, by off with a handler, by off without, and after once", async () => {
  const hearth = fakeClient<FromServer>();
  const [a, b, c, d] = [vi.fn(), vi.fn(), vi.fn(), vi.fn()];
  const socket = await connected(hearth);
  const chat = () => socket.receive({ event: "chat", data: { text: "" } });
  const stop = hearth.on("chat", a);
  hearth.on("chat", b);
  hearth.once("chat", c);
  hearth.once("chat", d);
  hearth.off("chat", d);
  chat();
  stop();
  chat();
  hearth.off("chat", b);
  chat();
  hearth.on("chat", b);
  hearth.off("chat");
  chat();
  expect([a, b, c, d].map((f) => f.mock.calls.length)).toEqual([1, 2, 1, 0]);
  hearth.disconnect();
});

it("has a handler once, however often it was added and the connection was made", async () => {
  const hearth = fakeClient<FromServer>({ backoff: { base: 1 } });
  const chat = vi.fn();
  hearth.on("chat", chat);
  hearth.on("chat", chat);
  hearth.on("connected", () => hearth.on("chat", chat));
  let socket = await connected(hearth);
  for (let i = 0; i < 5; i++) {
    socket.drop();
    await vi.advanceTimersByTimeAsync(100);
    socket = await connected(hearth);
  }
  socket.receive({ event: "chat", data: { text: "" } });
  expect(chat).toHaveBeenCalledTimes(1);
  hearth.disconnect();
});

it("asks a handler no more that an earlier one has removed, and not yet one that it has added", async () => {
  const hearth = fakeClient<FromServer>();
  const removed = vi.fn();
  const added = vi.fn();
  hearth.on("chat", () => {
    hearth.off("chat", removed);
    hearth.on("chat", added);
  });
  hearth.on("chat", removed);
  const socket = await connected(hearth);
  socket.receive({ event: "chat", data: { text: "" } });
  expect(removed).not.toHaveBeenCalled();
  expect(added).not.toHaveBeenCalled();
  hearth.disconnect();
});

it("keeps a handler's exception from the other handlers and from the connection", async () => {
  const thrown: unknown[] = [];
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => thrown.push(error));
  const hearth = fakeClient<FromServer>();
  const after = vi.fn();
  hearth.on("chat", () => {
    throw new Error("mine");
  });
  hearth.on("chat", after);
  const socket = await connected(hearth);
  socket.receive({ event: "chat", data: { text: "" } });
  expect(after).toHaveBeenCalledTimes(1);
  expect(hearth.state).toBe("connected");
  vi.useRealTimers();
  await vi.waitFor(() => expect(thrown).toMatchObject([{ message: "mine" }]));
  process.removeAllListeners("uncaughtException");
  for (const listener of listeners) process.on("uncaughtException", listener);
  hearth.disconnect();
});

it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
  "takes %s as a name like any other",
  async (name) => {
    const hearth = fakeClient<Record<string, unknown>>();
    const socket = await connected(hearth);
    const frame = `{"event":${JSON.stringify(name)},"data":{"__proto__":{"admin":true}}}`;
    socket.receive(frame);
    const got: Message[] = [];
    hearth.on(name, (_, message) => got.push(message));
    socket.receive(frame);
    expect(got).toHaveLength(1);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    hearth.join("__proto__");
    expect(hearth.rooms).toEqual(["__proto__"]);
    hearth.disconnect();
  },
);

it("tells the server's errors, and keeps the client's own names to the client", async () => {
  const hearth = fakeClient();
  const errors: unknown[] = [];
  const all: Message[] = [];
  const connectedAgain = vi.fn();
  hearth.on("error", (error) => errors.push(error));
  const socket = await connected(hearth);
  hearth.on("*", (message) => all.push(message));
  hearth.on("connected", connectedAgain);
  hearth.on("statechange", connectedAgain);
  socket.receive({ event: "error", data: { message: "Invalid message format" } });
  socket.receive({ event: "error", data: "odd" });
  socket.receive({ event: "connected", data: { id: "fake" } });
  socket.receive({ event: "statechange", data: "disconnected" });
  expect(errors).toMatchObject([
    { code: "server", message: "The server reports: Invalid message format", fatal: false },
    { code: "server", data: "odd" },
  ]);
  expect(connectedAgain).not.toHaveBeenCalled();
  expect(all.map(({ event }) => event)).toEqual(["error", "error", "connected", "statechange"]);
  expect(hearth.connection?.id).toBe("c1");
  expect(hearth.state).toBe("connected");
  hearth.disconnect();
});

it("hands frames that are no messages to raw", async () => {
  const hearth = fakeClient();
  const raw: unknown[] = [];
  hearth.on("raw", (frame) => raw.push(frame));
  const socket = await connected(hearth);
  const bytes = new ArrayBuffer(2);
  const frames = ["hello", "null", "[]", "1", '{"event":1}', '{"data":1}', "", bytes];
  for (const frame of frames) socket.receive(frame);
  expect(raw).toEqual(frames);
  expect(socket.binaryType).toBe("arraybuffer");
  hearth.disconnect();
});

it("passes nothing on before the server has said `connected`", async () => {
  const hearth = fakeClient();
  const got = vi.fn();
  for (const event of ["*", "raw", "error", "chat"]) hearth.on(event, got);
  const socket = await connected(hearth);
  socket.drop();
  await vi.advanceTimersByTimeAsync(2000);
  const next = FakeSocket.last;
  next.open();
  next.receive({ event: "chat", data: 1 });
  next.receive({ event: "error", data: { message: "Not authenticated" } });
  next.receive("noise");
  expect(got).not.toHaveBeenCalled();
  expect(hearth.state).toBe("connecting");
  hearth.disconnect();
});

it.each(vectors.encode)("reads what a server writes: $name", async ({ event, data, text }) => {
  const hearth = fakeClient();
  const socket = await connected(hearth);
  const got: Message[] = [];
  hearth.on("*", (message) => got.push(message));
  socket.receive(text);
  expect(got).toEqual([data === undefined ? { event } : { event, data: JSON.parse(data) }]);
  hearth.disconnect();
});

const decode = vectors.decode.filter((vector) => vector.text ?? vector.build);
it.each(decode)("reads a message, or hands it to raw: $name", async (vector) => {
  const hearth = fakeClient();
  const socket = await connected(hearth);
  const got: Message[] = [];
  const raw: unknown[] = [];
  hearth.on("*", (message) => got.push(message));
  hearth.on("raw", (frame) => raw.push(frame));
  const text = vector.text ?? built(vector.build as [string, number][]);
  socket.receive(text);
  expect(got.length + raw.length).toBe(1);
  expect(hearth.state).toBe("connected");
  hearth.disconnect();
  if (vector.outcome !== "message") return; // a server's business; what it writes itself is above
  const [message] = got as [Message];
  const { event, eventLength, data, dataLength, id } = vector;
  // JavaScript keeps lone surrogates, which UTF-8 cannot.
  if (event !== undefined) expect(Buffer.from(message.event).toString()).toBe(event);
  if (eventLength) expect(message.event).toHaveLength(eventLength);
  if (!dataLength) expect(message.data).toEqual(data && JSON.parse(data));
  expect(message.id).toEqual(id && JSON.parse(id));
});

/** The text of a vector's `build`; see protocol/vectors/README.md. */
function built(parts: [string, number][]): string {
  const repeated = ([text, times]: [string, number]) =>
    Array.from({ length: times }, (_, n) => text.replaceAll("#", String(n))).join("");
  return parts.map(repeated).join("");
}
