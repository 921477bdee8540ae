import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import vectors from "../../../protocol/vectors/close-codes.json";
import { errors } from "../../../protocol/vectors/events.json";
import { type ClientEvents, CloseCode, type Hearth, mayReturn } from "../src/index.js";
import { connected, FakeSocket, fakeClient, history, settle, useFakes } from "./support/fake.js";

useFakes();

describe("coming back", () => {
  const others = [1010, 1014, 3000, 3500, 4000, 4005, 4999];
  const codes = [
    ...vectors.codes.map(({ code, reconnect }) => ({ code, reconnect })),
    ...others.map((code) => ({ code, reconnect: vectors.others.reconnect })),
  ];

  it("knows the codes of the protocol, and no others", () => {
    expect(Object.values(CloseCode)).toEqual(vectors.codes.map(({ code }) => code));
  });

  it("has the numbers and the verdicts of the Go server's table", () => {
    const go = readFileSync(new URL("../../../codes.go", import.meta.url), "utf8");
    const numbers = [...go.matchAll(/^\tClose(\w+)\s*= (\d+)/gm)].map(([, name, n]) => [
      name,
      Number(n),
    ]);
    expect(numbers.length).toBeGreaterThan(12);
    expect(CloseCode).toMatchObject(Object.fromEntries(numbers));
    const [, back, away] =
      go.replaceAll("\n// ", " ").match(/come back after ([^.]*?should not) (after [^.]*)/) ?? [];
    const verdicts = [back, away].map((text) => text?.match(/\d{4}/g)?.map(Number) ?? []);
    expect(verdicts.map((list) => list.length > 5)).toEqual([true, true]);
    expect(verdicts[0]?.filter((code) => !mayReturn(code))).toEqual([]);
    expect(verdicts[1]?.filter(mayReturn)).toEqual([]);
  });

  it.each(codes)("after close code $code: $reconnect", async ({ code, reconnect }) => {
    expect(mayReturn(code)).toBe(reconnect);
    const hearth = fakeClient();
    const seen = history(hearth);
    const socket = await connected(hearth);
    seen.length = 0;
    socket.drop(code, "why");
    if (reconnect) {
      expect(seen).toMatchObject([
        ["statechange", "connecting"],
        ["connecting", { attempt: 1, error: { closeCode: code, reason: "why" } }],
      ]);
      await vi.advanceTimersByTimeAsync(2000);
      expect(FakeSocket.all).toHaveLength(2);
      hearth.disconnect();
    } else {
      const error = { closeCode: code, reason: "why", fatal: true };
      expect(seen).toMatchObject([
        ["statechange", "disconnected"],
        ["error", error],
        ["disconnected", { error }],
      ]);
      await vi.advanceTimersByTimeAsync(120_000);
      expect(FakeSocket.all).toHaveLength(1);
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not happen after refused credentials, until connect() is called", async () => {
    const hearth = fakeClient();
    hearth.on("error", () => {});
    const promise = hearth.connect();
    await settle();
    FakeSocket.last.open();
    FakeSocket.last.receive({ event: "error", data: { message: "Authentication failed" } });
    FakeSocket.last.drop(4003, "Authentication failed");
    await expect(promise).rejects.toMatchObject({
      code: "rejected",
      message: expect.stringMatching(
        /refused the credentials \(Authentication failed\).*connect\(\)/,
      ),
    });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(FakeSocket.all).toHaveLength(1);
    await connected(hearth);
    expect(hearth.state).toBe("connected");
    hearth.disconnect();
  });

  it.each(errors.filter(({ close }) => close && !mayReturn(close)))(
    "after the error $message: $close",
    async (error) => {
      const hearth = fakeClient();
      hearth.on("error", () => {});
      const promise = hearth.connect();
      await settle();
      FakeSocket.last.open();
      FakeSocket.last.receive({ event: "error", data: { message: error.message } });
      FakeSocket.last.drop(error.close as number, "");
      await expect(promise).rejects.toMatchObject({ closeCode: error.close, fatal: true });
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  it("says what to do after a close that would happen again", async () => {
    const hearth = fakeClient();
    const socket = await connected(hearth);
    const told: string[] = [];
    hearth.on("error", ({ message }) => told.push(message));
    socket.drop(1009, "too big");
    expect(told).toEqual([
      "The server closed: 1009 too big. Find out why, then call connect() again.",
    ]);
  });

  it("says what to do where encryption is demanded", async () => {
    const hearth = fakeClient();
    hearth.on("error", () => {});
    const promise = hearth.connect();
    await settle();
    FakeSocket.last.open();
    FakeSocket.last.drop(4004, "Encryption required");
    await expect(promise).rejects.toThrow(/Set the option `encryption: true`/);
  });

  it("waits with full jitter: up to base, doubling, up to cap", async () => {
    const random = vi.spyOn(Math, "random").mockReturnValue(0.999_999);
    const hearth = fakeClient({ backoff: { base: 100, cap: 1000 } });
    const delays: number[] = [];
    hearth.on("connecting", ({ delay }) => delays.push(Math.round(delay)));
    hearth.connect();
    for (let i = 0; i < 7; i++) {
      await vi.advanceTimersByTimeAsync(1000);
      FakeSocket.last.drop();
    }
    expect(delays).toEqual([0, 100, 200, 400, 800, 1000, 1000, 1000]);
    random.mockReturnValue(0);
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.last.drop();
    expect(delays.at(-1)).toBe(0);
    hearth.disconnect();
  });

  it("starts afresh only after a connection that has lived for a while", async () => {
    const hearth = fakeClient({ backoff: { base: 10 } });
    const attempts: number[] = [];
    hearth.on("connecting", ({ attempt }) => attempts.push(attempt));
    const first = await connected(hearth);
    await vi.advanceTimersByTimeAsync(4000);
    first.drop();
    await vi.advanceTimersByTimeAsync(20);
    FakeSocket.last.greet();
    await vi.advanceTimersByTimeAsync(5000);
    FakeSocket.last.drop();
    expect(attempts).toEqual([0, 1, 1]);
    hearth.disconnect();
  });

  it.each(["online", "visibilitychange"])("is tried at once on %s", async (event) => {
    const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
    const window = new EventTarget();
    vi.stubGlobal("document", page);
    vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
    vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
    vi.spyOn(Math, "random").mockReturnValue(0.9);
    const fire = () => (event === "online" ? window : page).dispatchEvent(new Event(event));
    const hearth = fakeClient({ backoff: { base: 30_000 } });
    const first = await connected(hearth);
    first.drop();
    await settle();
    if (event === "visibilitychange") {
      page.visibilityState = "hidden";
      fire();
      await settle();
      expect(FakeSocket.all).toHaveLength(1);
      page.visibilityState = "visible";
    }
    fire();
    await settle();
    expect(FakeSocket.all).toHaveLength(2);
    fire();
    await vi.advanceTimersByTimeAsync(19_000);
    expect(FakeSocket.all).toHaveLength(2);
    hearth.disconnect();
    fire();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("lets nothing of an old connection through", async () => {
    const hearth = fakeClient();
    const got: unknown[] = [];
    hearth.on("*", (message) => got.push(message));
    const first = await connected(hearth);
    const { onmessage } = first;
    first.drop();
    onmessage?.({ data: '{"event":"late"}' });
    await vi.advanceTimersByTimeAsync(2000);
    FakeSocket.last.greet();
    first.receive({ event: "late" });
    expect(got).toEqual([]);
    hearth.disconnect();
  });
});

describe("a handler may call anything", () => {
  const names = (seen: unknown[][]) =>
    seen.map(([event, data]) => (event === "statechange" ? `now ${data}` : event));

  it("and all hear of things in the order in which they happened", async () => {
    const hearth = fakeClient();
    hearth.once("connected", () => hearth.disconnect());
    hearth.once("disconnected", () => hearth.connect());
    const seen = history(hearth);
    const first = await connected(hearth);
    expect(names(seen)).toEqual([
      ...["now connecting", "connecting", "now connected", "connected"],
      ...["now disconnected", "disconnected", "now connecting", "connecting"],
    ]);
    expect(first.closed).toMatchObject({ code: 1000 });
    hearth.disconnect();
  });

  it("and hears why the client gave up, and that it did, before what it does about it", async () => {
    const hearth = fakeClient();
    hearth.on("statechange", (state) => {
      if (state === "disconnected") hearth.connect();
    });
    const seen = history(hearth);
    const socket = await connected(hearth);
    seen.length = 0;
    socket.drop(4003);
    expect(names(seen)).toEqual([
      ...["now disconnected", "error", "disconnected", "now connecting", "connecting"],
    ]);
    hearth.off("statechange");
    hearth.disconnect();
  });

  it("and a message that ends it all is everybody's before the end is", async () => {
    const hearth = fakeClient();
    const socket = await connected(hearth);
    hearth.on("*", () => hearth.disconnect());
    const seen = history(hearth);
    hearth.on("bye", () => seen.push(["bye"]));
    socket.receive({ event: "bye" });
    expect(names(seen)).toEqual(["bye", "now disconnected", "disconnected"]);
  });

  it("and connect() hears of disconnect()", async () => {
    const hearth = fakeClient();
    hearth.once("connecting", () => hearth.disconnect());
    await expect(hearth.connect()).rejects.toMatchObject({ code: "disconnected" });
    expect(hearth.state).toBe("disconnected");
  });

  const calls: [keyof ClientEvents, (hearth: Hearth) => void][] = [
    ["statechange", (hearth) => hearth.disconnect()],
    ["connecting", (hearth) => hearth.disconnect()],
    ["connected", (hearth) => hearth.disconnect()],
    [
      "connecting",
      (hearth) => {
        hearth.disconnect();
        hearth.connect();
      },
    ],
    [
      "connected",
      (hearth) => {
        hearth.disconnect();
        hearth.connect();
      },
    ],
  ];

  it.each(calls)("in %s", async (event, call) => {
    const hearth = fakeClient();
    hearth.once(event, () => call(hearth));
    hearth.connect();
    await settle();
    if (FakeSocket.all.length) FakeSocket.last.greet();
    await vi.advanceTimersByTimeAsync(2000);
    const open = FakeSocket.all.filter((socket) => !socket.closed);
    expect(open.length).toBe(hearth.state === "disconnected" ? 0 : 1);
    hearth.disconnect();
    expect(vi.getTimerCount()).toBe(0);
    expect(FakeSocket.all.every((socket) => socket.closed)).toBe(true);
  });
});
