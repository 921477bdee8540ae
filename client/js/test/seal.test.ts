import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { encrypted, expectRefused, handshake, seal, until } from "./support/encrypted.js";
import { FakeSocket } from "./support/fake.js";
import { counted, keyPair, SealingServer } from "./support/sealing.js";

beforeEach(() => {
  FakeSocket.all = [];
});

describe("an encrypted connection", () => {
  it("opens what the server seals, in order, and seals what it sends", async () => {
    const { hearth, socket, server, messages } = await encrypted();
    for (let n = 0; n < 300; n++) socket.receive(server.seal({ event: "n", data: n }));
    socket.receive(server.seal({ event: "text", data: "día ☀ 😀" }));
    await until(() => expect(messages).toHaveLength(301));
    expect(messages.map(({ data }) => data)).toEqual([...Array(300).keys(), "día ☀ 😀"]);
    hearth.join("room");
    for (let n = 0; n < 300; n++) expect(hearth.send("n", n)).toBe("sent");
    await until(() => expect(socket.frames).toHaveLength(302));
    const opened = socket.frames.slice(1).map((frame) => server.open(frame));
    expect(opened[0]).toEqual({ event: "join", data: { rooms: ["room"] } });
    expect(opened.slice(1)).toEqual([...Array(300).keys()].map((data) => ({ event: "n", data })));
    hearth.disconnect();
  });

  it("seals what waited for it, and sends before it closes", async () => {
    const { hearth, socket, server } = await handshake();
    hearth.join("room");
    hearth.send("queued", 1);
    hearth.on("connected", () => {
      hearth.send("bye");
      hearth.disconnect();
    });
    await until(() => expect(socket.closed).toEqual({ code: 1000, reason: undefined }));
    expect(socket.frames.slice(1).map((frame) => server.open(frame))).toEqual([
      { event: "join", data: { rooms: ["room"] } },
      { event: "queued", data: 1 },
      { event: "bye" },
    ]);
  });

  it("hands over what came before the close, and then closes", async () => {
    const { hearth, socket, server, messages } = await encrypted();
    socket.receive(server.seal({ event: "last" }));
    socket.drop(1001);
    expect(hearth.state).toBe("connected");
    await until(() => expect(hearth.state).toBe("connecting"));
    expect(messages).toHaveLength(1);
    hearth.disconnect();
  });

  it("has other keys at every attempt", async () => {
    const keys = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const { hearth, socket } = await encrypted();
      keys.add(JSON.parse(socket.frames[0] as string).data.publicKey);
      hearth.disconnect();
    }
    expect(keys.size).toBe(3);
  });

  it("takes another info string", async () => {
    const make = (key: string) => new SealingServer(key, "app-v2");
    const { hearth, socket, server, messages } = await encrypted(
      { info: "app-v2" },
      undefined,
      make,
    );
    socket.receive(server.seal({ event: "x" }));
    await until(() => expect(messages).toEqual([{ event: "x" }]));
    hearth.disconnect();
    const other = await encrypted(true, undefined, make);
    other.socket.receive(other.server.seal({ event: "x" }));
    await expectRefused(other);
  });

  it("authenticates additional data with every message", async () => {
    const make = (key: string) => new SealingServer(key, undefined, undefined, "room 7 ☀");
    const { hearth, socket, server, messages } = await encrypted(
      { additionalData: "room 7 ☀" },
      undefined,
      make,
    );
    socket.receive(server.seal({ event: "x" }));
    await until(() => expect(messages).toEqual([{ event: "x" }]));
    hearth.send("y");
    await until(() => expect(socket.frames).toHaveLength(2));
    expect(server.open(socket.frames[1] as string)).toEqual({ event: "y" });
    hearth.disconnect();
    const other = await encrypted({ additionalData: "room 8" }, undefined, make);
    other.socket.receive(other.server.seal({ event: "x" }));
    await expectRefused(other);
  });

  it("sends plain messages to the original's server, and takes its random IVs", async () => {
    const { hearth, socket, server, messages } = await encrypted(
      true,
      ({ seal: _, ...rest }) => rest,
    );
    for (const data of [1, 2]) socket.receive(server.seal({ event: "x", data }, randomBytes(12)));
    await until(() => expect(messages.map(({ data }) => data)).toEqual([1, 2]));
    hearth.send("plain", 1);
    expect(socket.messages.at(-1)).toEqual({ event: "plain", data: 1 });
    hearth.disconnect();
  });

  it("keeps the heartbeat's question and answer sealed and to itself", async () => {
    const page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    const { hearth, socket, server, messages } = await encrypted();
    page.dispatchEvent(new Event("online"));
    await until(() => expect(socket.frames).toHaveLength(2));
    expect(server.open(socket.frames[1] as string)).toEqual({ event: "authenticate" });
    socket.receive(server.seal({ event: "error", data: { message: "Already authenticated" } }));
    socket.receive(server.seal({ event: "next" }));
    await until(() => expect(messages).toEqual([{ event: "next" }]));
    hearth.disconnect();
    vi.unstubAllGlobals();
  });
});

describe("a message is refused", () => {
  it("with any bit flipped, anywhere in it", { timeout: 180_000 }, async () => {
    const length = new SealingServer(keyPair().getPublicKey("base64")).seal({ event: "x" }).length;
    for (let bit = 0; bit < length * 8; bit++) {
      const all = await encrypted();
      const frame = all.server.seal({ event: "x" });
      const at = bit >> 3;
      const flipped = String.fromCharCode(frame.charCodeAt(at) ^ (1 << (bit & 7)));
      all.socket.receive(frame.slice(0, at) + flipped + frame.slice(at + 1));
      await expectRefused(all);
    }
  });

  const changes: [string, (server: SealingServer) => unknown][] = [
    ["of another session", ({ publicKey }) => new SealingServer(publicKey).seal({ event: "x" })],
    ["that is plain", () => ({ event: "x", data: 1 })],
    ["that is a plain error", () => ({ event: "error", data: { message: "trust me" } })],
    [
      "that is a second `connected`",
      (server) => ({ event: "connected", data: { ...server.answer, seal } }),
    ],
    ["that is no message", () => "noise"],
    ["that is binary", (server) => new TextEncoder().encode(server.seal({ event: "x" })).buffer],
    ["without data", () => ({ event: "encrypted" })],
    ["with null for data", () => ({ event: "encrypted", data: null })],
    ["with numbers", () => ({ event: "encrypted", data: { iv: 1, ct: 2 } })],
    ["out of turn", (server) => server.seal({ event: "x" }, counted("s2c\0", 1n))],
    [
      "with a counter of 2^64-1",
      (server) => server.seal({ event: "x" }, counted("s2c\0", 2n ** 64n - 1n)),
    ],
    ["in the other direction", (server) => server.seal({ event: "x" }, counted("c2s\0", 0n))],
    ["with a random IV", (server) => server.seal({ event: "x" }, randomBytes(12))],
    ["with an IV of 11 bytes", edit((d) => ({ ...d, iv: recode(d.iv, (b) => b.subarray(0, 11)) }))],
    [
      "with an IV of 13 bytes",
      edit((d) => ({ ...d, iv: recode(d.iv, (b) => Buffer.concat([b, b], 13)) })),
    ],
    ["with an empty IV", edit((d) => ({ ...d, iv: "" }))],
    [
      "with one byte less of the tag",
      edit((d) => ({ ...d, ct: recode(d.ct, (b) => b.subarray(0, -1)) })),
    ],
    ["without the tag", edit((d) => ({ ...d, ct: recode(d.ct, (b) => b.subarray(0, -16)) }))],
    ["with half of the tag only", edit((d) => ({ ...d, ct: recode(d.ct, (b) => b.subarray(-8)) }))],
    [
      "with a byte more",
      edit((d) => ({ ...d, ct: recode(d.ct, (b) => Buffer.concat([b, Buffer.alloc(1)])) })),
    ],
    ["with no ciphertext", edit((d) => ({ ...d, ct: "" }))],
    ["in base64 without padding", edit((d) => ({ ...d, ct: d.ct.replace(/=+$/, "") }))],
    ["in base64 with a blank", edit((d) => ({ ...d, ct: ` ${d.ct}` }))],
    ["in base64url", edit((d) => ({ ...d, ct: `-_${d.ct.slice(2)}` }))],
  ];

  it.each(changes)("%s", async (_, change) => {
    const all = await encrypted();
    all.socket.receive(change(all.server));
    all.socket.receive(all.server.seal({ event: "after" }, counted("s2c\0", 0n)));
    await expectRefused(all);
  });

  it("that is there twice", async () => {
    const all = await encrypted();
    const frame = all.server.seal({ event: "x" });
    all.socket.receive(frame);
    all.socket.receive(frame);
    await expectRefused(all, 1);
  });

  it("before which another was lost, or has fallen behind", async () => {
    for (const order of [
      [0, 2],
      [0, 2, 1],
    ]) {
      const all = await encrypted();
      const frames = [0, 1, 2].map((data) => all.server.seal({ event: "x", data }));
      for (const i of order) all.socket.receive(frames[i]);
      await expectRefused(all, 1);
    }
  });

  it("of the original's server likewise, but for its order", async () => {
    for (const change of changes.filter(([name]) =>
      /tag|another session|plain|11 bytes/.test(name),
    )) {
      const all = await encrypted(true, ({ seal: _, ...rest }) => rest);
      all.socket.receive(change[1](all.server));
      await expectRefused(all);
    }
  });
});

/** A change of the data of a good message. */
function edit(change: (data: { iv: string; ct: string }) => object) {
  return (server: SealingServer) => {
    const { event, data } = JSON.parse(server.seal({ event: "x" }));
    return { event, data: change(data) };
  };
}

function recode(base64: string, change: (bytes: Buffer) => Buffer): string {
  return change(Buffer.from(base64, "base64")).toString("base64");
}
