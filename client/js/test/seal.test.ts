import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { EncryptionOptions, Hearth, HearthError, Message } from "../src/index.js";
import { FakeSocket, fakeClient } from "./support/fake.js";
import { counted, keyPair, SealingServer } from "./support/sealing.js";

interface Answer {
  serverPublicKey?: unknown;
  salt?: unknown;
  seal?: unknown;
}

const seal = { v: 1, inbound: true };

/** What the client tells, and the two ends of its connection. */
interface Encrypted {
  hearth: Hearth;
  socket: FakeSocket;
  server: SealingServer;
  messages: Message[];
  errors: HearthError[];
}

beforeEach(() => {
  FakeSocket.all = [];
});

/** Starts a connection and answers the handshake with what answer makes of the right one. */
async function handshake(
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
  await vi.waitFor(() => expect(FakeSocket.all.length).toBe(before + 1), { interval: 1 });
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
async function encrypted(...args: Parameters<typeof handshake>): Promise<Encrypted> {
  const all = await handshake(...args);
  await until(() => expect(all.hearth.connection).toMatchObject({ encrypted: true }));
  return all;
}

function until(check: () => void): Promise<void> {
  return vi.waitFor(check, { interval: 1, timeout: 5000 });
}

/** The connection was given up because of a message that is not right, and will be made again. */
async function expectRefused(
  { hearth, socket, errors, messages }: Encrypted,
  had = 0,
): Promise<void> {
  await until(() => expect(errors).toMatchObject([{ code: "seal", fatal: false }]));
  expect(messages).toHaveLength(had);
  expect(socket.closed).toEqual({ code: 4900, reason: "seal" });
  expect(hearth.state).toBe("connecting");
  hearth.disconnect();
}

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
  it("with any bit flipped, anywhere in it", { timeout: 60_000 }, async () => {
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

describe("a handshake", () => {
  const point = keyPair().getPublicKey();
  const offCurve = Buffer.from(point.map((byte, i) => (i === 64 ? byte ^ 1 : byte)));
  const answers: [string, (right: Answer) => Answer][] = [
    ["without a key", ({ serverPublicKey: _, ...rest }) => rest],
    ["without a salt", ({ salt: _, ...rest }) => rest],
    ["with a short salt", (right) => ({ ...right, salt: randomBytes(31).toString("base64") })],
    ["with a key that is no base64", (right) => ({ ...right, serverPublicKey: "?" })],
    ["with a key that is no string", (right) => ({ ...right, serverPublicKey: 4 })],
    [
      "with a compressed key",
      (right) => ({ ...right, serverPublicKey: keyPair().getPublicKey("base64", "compressed") }),
    ],
    [
      "with a point that is not on the curve",
      (right) => ({ ...right, serverPublicKey: offCurve.toString("base64") }),
    ],
    [
      "with the point at infinity",
      (right) => ({ ...right, serverPublicKey: Buffer.alloc(65).toString("base64") }),
    ],
    ["with another version of seal", (right) => ({ ...right, seal: { v: 2, inbound: true } })],
  ];

  it.each(answers)("%s is refused for good", async (_, answer) => {
    const { hearth, socket, errors } = await handshake(true, answer);
    await until(() => expect(hearth.state).toBe("disconnected"));
    expect(errors).toMatchObject([{ code: "encryption-refused", fatal: true }]);
    expect(socket.closed).toEqual({ code: 4900, reason: "encryption-refused" });
    expect(socket.frames).toHaveLength(1);
  });

  it("with the pinned key is taken, also one of several", async () => {
    const pair = keyPair();
    const make = (key: string) => new SealingServer(key, undefined, pair);
    const key = pair.getPublicKey("base64");
    for (const serverKey of [key, [keyPair().getPublicKey("base64"), key]]) {
      const { hearth } = await encrypted({ serverKey }, undefined, make);
      hearth.disconnect();
    }
  });

  it("with another key than the pinned one is refused for good", async () => {
    for (const serverKey of [keyPair().getPublicKey("base64"), []]) {
      const { hearth, errors } = await handshake({ serverKey });
      await until(() => expect(hearth.state).toBe("disconnected"));
      expect(errors).toMatchObject([{ code: "server-key", fatal: true }]);
    }
  });

  it("from which somebody took the counting out is refused where the key is pinned", async () => {
    const pair = keyPair();
    const make = (key: string) => new SealingServer(key, undefined, pair);
    const serverKey = pair.getPublicKey("base64");
    const stripped = [
      ({ seal: _, ...rest }: Answer) => rest,
      (right: Answer) => ({ ...right, seal: { v: 1 } }),
    ];
    for (const strip of stripped) {
      const { hearth, errors } = await handshake({ serverKey }, strip, make);
      await until(() => expect(hearth.state).toBe("disconnected"));
      expect(errors).toMatchObject([{ code: "encryption-refused" }]);
      const lenient = await encrypted({ serverKey, strict: false }, strip, make);
      lenient.hearth.disconnect();
    }
  });

  it("needs crypto.subtle, and says where it is to be had", async () => {
    vi.stubGlobal("crypto", {});
    const hearth = fakeClient({ encryption: true });
    hearth.on("error", () => {});
    await expect(hearth.connect()).rejects.toMatchObject({
      code: "insecure-context",
      message: expect.stringMatching(/open the page by https:\/\/ or from localhost/),
    });
    expect(FakeSocket.all).toHaveLength(0);
    vi.unstubAllGlobals();
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
