import { describe, expect, it, vi } from "vitest";
import { Hearth, HearthError, type QueueOptions } from "../src/index.js";
import { connected, FakeSocket, fakeClient, history, settle, useFakes } from "./support/fake.js";

useFakes();

describe("connect", () => {
  it("authenticates first, and is connected when the server says so", async () => {
    const hearth = fakeClient({ token: "secret" });
    const seen = history(hearth);
    const promise = hearth.connect();
    expect(hearth.state).toBe("connecting");
    await settle();
    const socket = FakeSocket.last;
    expect(socket.url).toBe("ws://test/ws");
    expect(socket.frames).toEqual([]);
    socket.open();
    expect(socket.messages).toEqual([{ event: "authenticate", data: { token: "secret" } }]);
    expect(hearth.connection).toBeUndefined();
    socket.greet({ id: "abc" });
    const connection = { id: "abc", userId: "u", time: "t", encrypted: false };
    expect(await promise).toEqual(connection);
    expect(hearth.state).toBe("connected");
    expect(hearth.connection).toEqual(connection);
    expect(seen).toEqual([
      ["statechange", "connecting"],
      ["connecting", { attempt: 0, delay: 0 }],
      ["statechange", "connected"],
      ["connected", connection],
    ]);
    hearth.disconnect();
    expect(socket.closed).toEqual({ code: 1000, reason: undefined });
    expect(seen.slice(4)).toEqual([
      ["statechange", "disconnected"],
      ["disconnected", {}],
    ]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is the same connection however often it is called", async () => {
    const hearth = fakeClient();
    const promise = hearth.connect();
    expect(hearth.connect()).toBe(promise);
    await settle();
    FakeSocket.last.greet();
    expect(hearth.connect()).toBe(promise);
    await settle();
    expect(FakeSocket.all).toHaveLength(1);
    hearth.disconnect();
  });

  it("gives the next connection's promise after a loss", async () => {
    const hearth = fakeClient();
    const first = await connected(hearth);
    first.drop();
    const next = hearth.connect();
    await vi.advanceTimersByTimeAsync(2000);
    FakeSocket.last.greet({ id: "second" });
    expect((await next).id).toBe("second");
    hearth.disconnect();
  });

  it("takes relative and http addresses", async () => {
    const opened = async (url: string) => {
      const hearth = new Hearth(url, { WebSocket: FakeSocket as never });
      hearth.connect();
      await settle();
      hearth.disconnect();
      return FakeSocket.last.url;
    };
    expect(await opened("http://h/ws?a=1#frag")).toBe("ws://h/ws?a=1");
    vi.stubGlobal("location", { href: "https://app.example/page#x" });
    expect(await opened("/ws")).toBe("wss://app.example/ws");
  });

  it.each(["/ws", "ftp://h/ws", ""])("refuses the address %j with what to give", (url) => {
    expect(() => new Hearth(url)).toThrow(/is no address of a server: give one like/);
  });

  it("refuses options that make no sense, by name", () => {
    for (const options of [
      { connectTimeout: 0 },
      { backoff: { base: -1 } },
      { backoff: { cap: Number.NaN } },
      { heartbeat: { interval: 2 ** 31 } },
      { heartbeat: { timeout: 0 } },
    ]) {
      const name = JSON.stringify(options).match(/[a-zA-Z]+/)?.[0] as string;
      expect(() => fakeClient(options)).toThrow(new RegExp(`${name}.*must be milliseconds`));
    }
  });

  it.each([
    [{ messages: Number.NaN }, "queue.messages must be 0 or more, and is NaN."],
    [{ messages: -1 }, "queue.messages must be 0 or more, and is -1."],
    [{ bytes: -1 }, "queue.bytes must be 0 or more, and is -1."],
    [{ bytes: Number.NaN }, "queue.bytes must be 0 or more, and is NaN."],
    [
      { overflow: "drop" },
      "queue.overflow must be one of drop-newest,drop-oldest,throw, and is drop.",
    ],
  ])("refuses the queue %j", (queue, message) => {
    const make = () => fakeClient({ queue: queue as QueueOptions });
    expect(make).toThrow(expect.objectContaining({ code: "usage", message }));
  });

  it("takes undefined for not given", () => {
    const nothing = undefined as never; // as from JavaScript
    const hearth = fakeClient({
      queue: { messages: nothing, bytes: nothing, overflow: nothing },
      backoff: { base: nothing },
      heartbeat: { interval: nothing },
      connectTimeout: nothing,
    });
    const results = Array.from({ length: 257 }, (_, n) => hearth.send("n", n));
    expect(results.slice(255)).toEqual(["queued", "dropped"]);
  });

  it("passes subprotocols on", async () => {
    const hearth = fakeClient({ protocols: ["a", "b"] });
    hearth.connect();
    await settle();
    expect(FakeSocket.last.protocols).toEqual(["a", "b"]);
    hearth.disconnect();
  });

  it("gives an attempt up that takes too long", async () => {
    const hearth = fakeClient({ connectTimeout: 500 });
    const seen = history(hearth);
    hearth.connect();
    await settle();
    FakeSocket.last.open();
    await vi.advanceTimersByTimeAsync(500);
    expect(FakeSocket.last.closed).toEqual({ code: 4900, reason: "timeout" });
    expect(seen.at(-1)).toMatchObject(["connecting", { attempt: 1, error: { code: "timeout" } }]);
    hearth.disconnect();
  });

  it("says so where there is no WebSocket", async () => {
    vi.stubGlobal("WebSocket", undefined);
    const hearth = new Hearth("ws://test/ws");
    const promise = hearth.connect();
    const seen = history(hearth);
    await settle();
    await expect(promise).rejects.toMatchObject({ code: "no-websocket" });
    expect(seen.map(([event]) => event)).toEqual(["statechange", "error", "disconnected"]);
    expect(hearth.state).toBe("disconnected");
  });

  it("says so when the socket cannot even be tried, as from an https: page", async () => {
    class Refusing {
      constructor() {
        throw new DOMException("insecure", "SecurityError");
      }
    }
    const hearth = fakeClient({ WebSocket: Refusing as never });
    const promise = hearth.connect();
    hearth.on("error", () => {});
    await settle();
    await expect(promise).rejects.toThrow(/No attempt to reach ws:\/\/test\/ws .*only wss:/);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("writes what nobody listens to on the console when it gives up", async () => {
    const written = vi.spyOn(console, "error").mockReturnValue();
    const hearth = fakeClient();
    const socket = await connected(hearth);
    socket.drop(4003, "Authentication failed");
    expect(written).toHaveBeenCalledWith(expect.objectContaining({ code: "rejected" }));
  });
});

describe("token", () => {
  it("is sent as it is when it is an object, and is empty without one", async () => {
    for (const [token, data] of [
      [
        { name: "ann", token: "x" },
        { name: "ann", token: "x" },
      ],
      [undefined, {}],
    ] as const) {
      const hearth = fakeClient(token ? { token } : {});
      const socket = await connected(hearth);
      expect(socket.messages[0]).toEqual({ event: "authenticate", data });
      hearth.disconnect();
    }
  });

  it("is asked before every attempt", async () => {
    let n = 0;
    const hearth = fakeClient({ token: async () => `t${++n}` });
    const first = await connected(hearth);
    expect(first.messages[0]).toEqual({ event: "authenticate", data: { token: "t1" } });
    first.drop();
    await vi.advanceTimersByTimeAsync(2000);
    FakeSocket.last.greet();
    expect(FakeSocket.last.messages[0]).toEqual({ event: "authenticate", data: { token: "t2" } });
    hearth.disconnect();
  });

  it("that fails is told and asked again", async () => {
    const token = vi.fn().mockRejectedValueOnce(new Error("503")).mockResolvedValue("ok");
    const hearth = fakeClient({ token });
    const seen = history(hearth);
    hearth.connect();
    await settle();
    expect(FakeSocket.all).toHaveLength(0);
    expect(seen.at(-1)).toMatchObject(["error", { code: "token", cause: { message: "503" } }]);
    await vi.advanceTimersByTimeAsync(2000);
    FakeSocket.last.greet();
    expect(hearth.state).toBe("connected");
    hearth.disconnect();
  });

  it("that throws `rejected` stops", async () => {
    const token = () => Promise.reject(new HearthError("rejected", "not logged in"));
    const hearth = fakeClient({ token });
    hearth.on("disconnected", () => {});
    await expect(Promise.all([hearth.connect(), settle()])).rejects.toThrow("not logged in");
    expect(hearth.state).toBe("disconnected");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("may call disconnect() and connect()", async () => {
    const token = vi.fn(() => "ok");
    const hearth = fakeClient({ token });
    token.mockImplementationOnce(() => {
      hearth.disconnect();
      return "late";
    });
    hearth.connect();
    await settle();
    expect(hearth.state).toBe("disconnected");
    expect(FakeSocket.all).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);

    token.mockImplementationOnce(() => {
      hearth.disconnect();
      hearth.connect();
      return "late";
    });
    hearth.connect();
    await vi.advanceTimersByTimeAsync(1); // a timer within a timer
    const socket = await connected(hearth);
    expect(hearth.state).toBe("connected");
    expect(FakeSocket.all).toEqual([socket]);
    expect(socket.messages).toEqual([{ event: "authenticate", data: { token: "ok" } }]);
    hearth.disconnect();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("is told by a signal when nobody waits for it any more", async () => {
    let signal: AbortSignal | undefined;
    const hearth = fakeClient({
      token: (s) => {
        signal = s;
        return new Promise(() => {});
      },
    });
    const promise = hearth.connect();
    await settle();
    expect(signal?.aborted).toBe(false);
    hearth.disconnect();
    expect(signal?.aborted).toBe(true);
    await expect(promise).rejects.toMatchObject({ code: "disconnected" });
    expect(vi.getTimerCount()).toBe(0);
  });
});
