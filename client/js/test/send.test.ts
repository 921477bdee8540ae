import { describe, expect, it, vi } from "vitest";
import { type Hearth, HearthError } from "../src/index.js";
import { connected, FakeSocket, fakeClient, settle, useFakes } from "./support/fake.js";

useFakes();

/** What was dropped, as `error` tells it. */
function droppedBy(hearth: Hearth): unknown[] {
  const dropped: unknown[] = [];
  hearth.on("error", ({ code, data }) => dropped.push([code, data]));
  return dropped;
}

describe("send", () => {
  it("writes event, data and id, and leaves out what is not there", async () => {
    const hearth = fakeClient();
    const socket = await connected(hearth);
    expect(hearth.send("a", { x: [1, null] })).toBe("sent");
    hearth.send("b");
    hearth.send("c", null, { id: "7" });
    hearth.send("d", undefined, { id: 0 });
    expect(socket.frames.slice(1)).toEqual([
      '{"event":"a","data":{"x":[1,null]}}',
      '{"event":"b"}',
      '{"event":"c","data":null,"id":"7"}',
      '{"event":"d","id":0}',
    ]);
    hearth.disconnect();
  });

  it("refuses an event without a name", () => {
    expect(() => fakeClient().send("", 1)).toThrow(HearthError);
  });

  it("waits for a connection and keeps the order, before connect() and between connections", async () => {
    const hearth = fakeClient();
    expect(hearth.send("n", 1)).toBe("queued");
    const first = await connected(hearth);
    first.readyState = 2; // closing, and the close event is still to come
    expect(hearth.send("n", 2)).toBe("queued");
    first.drop();
    const changing = { v: 3 };
    expect(hearth.send("n", changing)).toBe("queued");
    changing.v = 99;
    expect(hearth.queued).toBe(2);
    hearth.on("connected", () => hearth.send("n", 4));
    await vi.advanceTimersByTimeAsync(2000);
    const second = FakeSocket.last;
    second.open();
    expect(second.frames).toHaveLength(1);
    second.greet();
    expect(first.messages.slice(1)).toEqual([{ event: "n", data: 1 }]);
    expect(second.messages.slice(1)).toEqual([
      { event: "n", data: 2 },
      { event: "n", data: { v: 3 } },
      { event: "n", data: 4 },
    ]);
    expect(hearth.queued).toBe(0);
    hearth.disconnect();
  });

  it("keeps what a connection that breaks meanwhile does not take", async () => {
    const hearth = fakeClient();
    for (let n = 0; n < 5; n++) hearth.send("n", n);
    hearth.connect();
    await settle();
    const first = FakeSocket.last;
    const send = first.send.bind(first);
    first.send = (frame) => {
      send(frame);
      if (frame.includes('"n","data":1')) first.readyState = 3;
    };
    first.greet();
    expect(hearth.queued).toBe(3);
    first.drop();
    await vi.advanceTimersByTimeAsync(2000);
    FakeSocket.last.greet();
    const sent = [...first.messages, ...FakeSocket.last.messages].filter((m) => m.event === "n");
    expect(sent.map((m) => m.data)).toEqual([0, 1, 2, 3, 4]);
    hearth.disconnect();
  });

  it("drops rather than queues when it may not be late", async () => {
    const hearth = fakeClient();
    const dropped = droppedBy(hearth);
    expect(hearth.send("cursor", 1, { queue: false })).toBe("dropped");
    expect(hearth.queued).toBe(0);
    expect(dropped).toEqual([]);
  });

  it("drops what is queued at disconnect(), and says so", async () => {
    const hearth = fakeClient();
    const dropped = droppedBy(hearth);
    hearth.send("a", 1);
    hearth.send("b", 2);
    hearth.disconnect();
    expect(dropped).toEqual([
      ["dropped", { event: "a", data: 1 }],
      ["dropped", { event: "b", data: 2 }],
    ]);
    const socket = await connected(hearth);
    expect(socket.frames).toHaveLength(1);
    hearth.disconnect();
  });
});

it("keeps what is queued when the credentials are refused, until disconnect()", async () => {
  const hearth = fakeClient();
  const dropped = droppedBy(hearth);
  hearth.send("n", 1);
  hearth.connect();
  await settle();
  FakeSocket.last.open();
  FakeSocket.last.drop(4003);
  expect([hearth.state, hearth.queued]).toEqual(["disconnected", 1]);
  hearth.disconnect();
  expect(hearth.queued).toBe(0);
  expect(dropped.at(-1)).toEqual(["dropped", { event: "n", data: 1 }]);
});

it("drops, and then connects if told to by who hears of it", async () => {
  const hearth = fakeClient();
  hearth.once("error", () => hearth.connect());
  hearth.send("n", 1);
  hearth.disconnect();
  expect(hearth.state).toBe("connecting");
  hearth.disconnect();
});

describe("a full queue", () => {
  const fill = (hearth: Hearth) => [1, 2, 3, 4].map((n) => hearth.send("n", n));

  it("drops the newest by default", () => {
    const hearth = fakeClient({ queue: { messages: 2 } });
    const dropped = droppedBy(hearth);
    expect(fill(hearth)).toEqual(["queued", "queued", "dropped", "dropped"]);
    expect(dropped).toEqual([
      ["dropped", { event: "n", data: 3 }],
      ["dropped", { event: "n", data: 4 }],
    ]);
  });

  it("drops the oldest if told to", async () => {
    const hearth = fakeClient({ queue: { messages: 2, overflow: "drop-oldest" } });
    const dropped = droppedBy(hearth);
    expect(fill(hearth)).toEqual(["queued", "queued", "queued", "queued"]);
    expect(dropped).toEqual([
      ["dropped", { event: "n", data: 1 }],
      ["dropped", { event: "n", data: 2 }],
    ]);
    const socket = await connected(hearth);
    expect(socket.messages.slice(1).map((m) => m.data)).toEqual([3, 4]);
    hearth.disconnect();
  });

  it("throws if told to", () => {
    const hearth = fakeClient({ queue: { messages: 2, overflow: "throw" } });
    expect(() => fill(hearth)).toThrow(expect.objectContaining({ code: "queue-full" }));
    expect(hearth.queued).toBe(2);
  });

  it("is bounded in bytes of UTF-8 too, and one message that never fits costs no other", () => {
    const hearth = fakeClient({ queue: { bytes: 60, overflow: "drop-oldest" } });
    const dropped = droppedBy(hearth);
    hearth.send("n", "ä".repeat(10)); // 23 bytes around, 20 inside
    expect(hearth.send("n", "ö".repeat(30))).toBe("dropped");
    expect(hearth.queued).toBe(1);
    expect(hearth.send("n", "ü".repeat(10))).toBe("queued");
    expect(hearth.queued).toBe(1);
    expect(dropped).toEqual([
      ["dropped", { event: "n", data: "ö".repeat(30) }],
      ["dropped", { event: "n", data: "ä".repeat(10) }],
    ]);
  });

  it("of no messages takes none", () => {
    for (const overflow of ["drop-newest", "drop-oldest"] as const) {
      const hearth = fakeClient({ queue: { messages: 0, overflow } });
      const dropped = droppedBy(hearth);
      expect(hearth.send("n", 1)).toBe("dropped");
      expect(dropped).toHaveLength(1);
    }
  });
});
