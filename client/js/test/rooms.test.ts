import { describe, expect, it, vi } from "vitest";
import vectors from "../../../protocol/vectors/rooms.json";
import { connected, fakeClient, useFakes } from "./support/fake.js";

useFakes();

it("joins and leaves at once when connected", async () => {
  const hearth = fakeClient();
  const socket = await connected(hearth);
  hearth.join("a", "b");
  hearth.leave("a");
  expect(socket.messages.slice(1)).toEqual([
    { event: "join", data: { rooms: ["a", "b"] } },
    { event: "leave", data: { rooms: ["a"] } },
  ]);
  expect(hearth.rooms).toEqual(["b"]);
  hearth.disconnect();
});

it("is in its rooms again after every reconnect, before anything queued is sent", async () => {
  const hearth = fakeClient({ backoff: { base: 1 } });
  hearth.join("before");
  let socket = await connected(hearth);
  expect(socket.messages.slice(1)).toEqual([{ event: "join", data: { rooms: ["before"] } }]);
  hearth.join("during", "gone");
  socket.drop();
  hearth.send("hello", 1);
  hearth.join("between");
  hearth.leave("gone");
  for (let i = 0; i < 3; i++) {
    await vi.advanceTimersByTimeAsync(100);
    socket = await connected(hearth);
    expect(socket.messages.slice(1)).toEqual([
      { event: "leave", data: { rooms: ["gone"] } },
      { event: "join", data: { rooms: ["before", "during", "between"] } },
      ...(i === 0 ? [{ event: "hello", data: 1 }] : []),
    ]);
    socket.drop();
  }
  hearth.disconnect();
});

it("leaves rooms of the server again after every reconnect", async () => {
  const hearth = fakeClient({ backoff: { base: 1 } });
  const first = await connected(hearth);
  hearth.leave("ws-notification");
  first.drop();
  await vi.advanceTimersByTimeAsync(100);
  const second = await connected(hearth);
  expect(second.messages.slice(1)).toEqual([
    { event: "leave", data: { rooms: ["ws-notification"] } },
  ]);
  hearth.join("ws-notification");
  second.drop();
  await vi.advanceTimersByTimeAsync(100);
  const third = await connected(hearth);
  expect(third.messages.slice(1)).toEqual([
    { event: "join", data: { rooms: ["ws-notification"] } },
  ]);
  hearth.disconnect();
});

it("leaves them again also when they were joined before", async () => {
  const hearth = fakeClient({ backoff: { base: 1 } });
  const first = await connected(hearth);
  hearth.leave("ws-notification");
  hearth.join("ws-notification", "mine");
  hearth.leave("ws-notification");
  for (let socket = first, i = 0; i < 2; i++) {
    socket.drop();
    await vi.advanceTimersByTimeAsync(100);
    socket = await connected(hearth);
    expect(socket.messages.slice(1)).toEqual([
      { event: "leave", data: { rooms: ["ws-notification"] } },
      { event: "join", data: { rooms: ["mine"] } },
    ]);
  }
  hearth.disconnect();
});

it("stays within the server's message size with many long names", async () => {
  const hearth = fakeClient();
  const names = Array.from({ length: 1000 }, (_, i) => `${i}`.padEnd(256, "€"));
  hearth.join(...names);
  const socket = await connected(hearth);
  const joined = socket.messages.slice(1).flatMap((m) => (m.data as { rooms: string[] }).rooms);
  expect(joined).toEqual(names);
  for (const frame of socket.frames)
    expect(new TextEncoder().encode(frame).length).toBeLessThan(131_072);
  hearth.disconnect();
});

describe("names of rooms", () => {
  it.each(vectors.names)("$name: $valid", ({ room, build, valid }) => {
    const name = room ?? (build ?? []).map(([text, n]) => String(text).repeat(Number(n))).join("");
    const hearth = fakeClient();
    const join = () => hearth.join("fine", name);
    if (valid) join();
    else expect(join).toThrow(/cannot be a room: names are strings of 1 to 256/);
    expect(hearth.rooms).toEqual(valid ? ["fine", name] : []);
  });

  it("are strings", () => {
    const hearth = fakeClient();
    expect(() => hearth.join(7 as unknown as string)).toThrow(/^"7" cannot be a room/);
    expect(() => hearth.leave("")).toThrow(expect.objectContaining({ code: "usage" }));
  });
});
