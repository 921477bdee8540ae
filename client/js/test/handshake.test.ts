import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { type Answer, encrypted, handshake, until } from "./support/encrypted.js";
import { FakeSocket, fakeClient } from "./support/fake.js";
import { keyPair, SealingServer } from "./support/sealing.js";

beforeEach(() => {
  FakeSocket.all = [];
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
      const { hearth, socket } = await encrypted({ serverKey }, undefined, make);
      expect(socket.messages[0]?.data).toMatchObject({ serverKeys: [serverKey].flat() });
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
