import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  inject,
  it,
  vi,
} from "vitest";
import { Hearth } from "../src/index.js";
import {
  freePort,
  peerNames,
  type Server,
  type StartOptions,
  startDemo,
  startRedis,
  startServer,
} from "./peers/peers.js";
import { ask, type FromServer, options, watched } from "./support/real.js";
import { counted, keyPair } from "./support/sealing.js";

/** Both sides of the wire. */
function wire() {
  const frames = { sent: [] as string[], received: [] as string[] };
  const tapped = watched({
    send: (frame) => {
      frames.sent.push(frame);
      return frame;
    },
    receive: (frame) => frames.received.push(frame),
  });
  return { frames, options: tapped };
}

describe.each(peerNames)("with the server %s that demands encryption", (peer) => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let start: StartOptions;
  let server: Server;

  beforeAll(async () => {
    start = { port: await freePort(), redisPort: await freePort(), encryption: true };
    redis = await startRedis(start.redisPort);
    server = await startServer(peer, start);
  }, 30_000);

  afterAll(async () => {
    await server?.kill();
    await redis?.stop();
  });

  it("speaks sealed", async () => {
    const { frames, options } = wire();
    const hearth = new Hearth<FromServer>(server.url, { ...options, encryption: true });
    expect(await hearth.connect()).toMatchObject({ encrypted: true });
    hearth.join("lobby");
    const me = await ask(hearth, "whoami");
    expect(me).toMatchObject({ encrypted: true });
    expect(me.rooms).toContain("lobby");
    for (let n = 0; n < 50; n++)
      expect(await ask(hearth, "echo", { n, text: "día ☀" })).toEqual({ n, text: "día ☀" });
    const message = new Promise((resolve) => hearth.once("msg", resolve));
    hearth.send("pub", { room: "lobby", body: "to the room" });
    expect(await message).toBe("to the room");
    hearth.disconnect();

    const [connected, ...received] = frames.received.map((frame) => JSON.parse(frame));
    expect(connected.event).toBe("connected");
    expect(received.length).toBeGreaterThan(51);
    expect(new Set(received.map(({ event }) => event))).toEqual(new Set(["encrypted"]));
    const [, ...sent] = frames.sent.map((frame) => JSON.parse(frame));
    if (peer === "ignis") {
      expect(connected.data.seal).toBeUndefined();
      expect(sent.filter(({ event }) => event === "encrypted")).toEqual([]);
      return;
    }
    expect(connected.data.seal).toEqual({ v: 1, inbound: true });
    const ivs = (direction: string, n: number) =>
      Array.from({ length: n }, (_, i) => counted(direction, BigInt(i)).toString("base64"));
    expect(received.map(({ data }) => data.iv)).toEqual(ivs("s2c\0", received.length));
    expect(sent.map(({ data }) => data.iv)).toEqual(ivs("c2s\0", 53));
  });

  it("says what to do without encryption", async () => {
    const hearth = new Hearth(server.url, options);
    hearth.on("disconnected", () => {});
    await expect(hearth.connect()).rejects.toMatchObject({
      code: "encryption-required",
      message: expect.stringMatching(/Set the option `encryption: true`/),
    });
  });

  it("seals again after the server's death, with everything that was sent meanwhile", async () => {
    const hearth = new Hearth<FromServer>(server.url, { ...options, encryption: true });
    const echoes: unknown[] = [];
    const keys = new Set<unknown>();
    hearth.on("echo", (data) => echoes.push(data));
    hearth.on("error", (error) => echoes.push(error));
    hearth.on("connected", ({ id, encrypted }) => keys.add(encrypted && id));
    hearth.join("lobby");
    await hearth.connect();
    const deaths = peer === "hearth" ? 5 : 1;
    for (let n = 0; n < deaths; n++) {
      const lost = new Promise((resolve) => hearth.once("connecting", resolve));
      await server.kill();
      await lost;
      hearth.send("echo", n);
      server = await startServer(peer, start);
      await vi.waitFor(() => expect(echoes).toHaveLength(n + 1), { timeout: 10_000 });
      expect(await ask(hearth, "whoami")).toMatchObject({ encrypted: true });
    }
    expect(echoes).toEqual([...Array(deaths).keys()]);
    expect(keys.size).toBe(deaths + 1);
    expect(keys).not.toContain(false);
    expect((await ask(hearth, "whoami")).rooms).toContain("lobby");
    hearth.disconnect();
  });

  it("takes a server that does not count only where it is not pinned, or lenient", async () => {
    const { frames, options } = wire();
    const first = new Hearth(server.url, { ...options, encryption: true });
    await first.connect();
    first.disconnect();
    const serverKey = JSON.parse(frames.received[0] as string).data.serverPublicKey;
    const outcome = async (encryption: object) => {
      const hearth = new Hearth(server.url, { ...options, encryption });
      hearth.on("disconnected", () => {});
      const result = await hearth.connect().then(
        ({ encrypted }) => encrypted,
        ({ code }) => code,
      );
      hearth.disconnect();
      return result;
    };
    expect(await outcome({ serverKey, strict: false })).toBe(true);
    const counts = peer === "hearth" || "encryption-refused";
    expect(await outcome({ serverKey })).toBe(counts);
    expect(await outcome({ strict: true })).toBe(counts);
    expect(await outcome({ serverKey: keyPair().getPublicKey("base64"), strict: false })).toBe(
      "server-key",
    );
  });
});

describe("with hearth serve", () => {
  let server: Server | undefined;
  let port: number;

  beforeEach(async () => {
    port = await freePort();
  });
  afterEach(() => server?.kill());

  /** A key pair: a PEM file for the server, and what a client pins. */
  function keyFile(...pairs: ReturnType<typeof newKey>[]): string {
    const file = join(inject("scratch"), `keys-${port}.pem`);
    writeFileSync(file, pairs.map(({ pem }) => pem).join(""));
    return file;
  }

  function newKey() {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { x = "", y = "" } = publicKey.export({ format: "jwk" });
    const point = [Buffer.from([4]), Buffer.from(x, "base64url"), Buffer.from(y, "base64url")];
    return {
      pem: String(privateKey.export({ type: "pkcs8", format: "pem" })),
      pin: Buffer.concat(point).toString("base64"),
    };
  }

  it("connects to the pinned key, also to one that is being replaced, and to no other", async () => {
    const [old, next, foreign] = [newKey(), newKey(), newKey()];
    const flags = ["--encryption=required", "--require-sealed-inbound"];
    server = await startDemo(port, ...flags, `--encryption-key=${keyFile(old, next)}`);
    for (const serverKey of [old.pin, next.pin, [foreign.pin, next.pin]]) {
      const hearth = new Hearth(server.url, { ...options, encryption: { serverKey } });
      expect(await hearth.connect()).toMatchObject({ encrypted: true });
      const message = new Promise((resolve) => hearth.once("hello", resolve));
      hearth.join("lobby");
      hearth.send("publish", { room: "lobby", event: "hello", data: serverKey });
      expect(await message).toEqual(serverKey);
      hearth.disconnect();
    }
    const attempts = vi.fn();
    const hearth = new Hearth(server.url, { ...options, encryption: { serverKey: foreign.pin } });
    hearth.on("connecting", attempts);
    hearth.on("disconnected", () => {});
    await expect(hearth.connect()).rejects.toMatchObject({
      code: "server-key",
      message: expect.stringMatching(/Compare `encryption.serverKey`/),
    });
    expect(attempts).toHaveBeenCalledTimes(1);
  });

  it("stops where encryption is turned off, rather than to send plain", async () => {
    server = await startDemo(port, "--encryption=off");
    const { frames, options } = wire();
    const hearth = new Hearth(server.url, { ...options, encryption: true });
    hearth.on("disconnected", () => {});
    hearth.send("secret", "not to be sent plain");
    await expect(hearth.connect()).rejects.toMatchObject({ code: "encryption-refused" });
    expect(frames.sent).toHaveLength(1);
    expect(frames.sent.join()).not.toContain("secret");
  });

  it("comes back with new keys after somebody changed a message on its way", async () => {
    server = await startDemo(port);
    let change = (frame: string) => frame;
    const tampered = watched({ send: (frame) => change(frame) });
    const hearth = new Hearth(server.url, { ...tampered, encryption: true });
    const errors: unknown[] = [];
    hearth.on("error", ({ message }) => errors.push(message));
    const first = await hearth.connect();
    const lost = new Promise((resolve) => hearth.once("connecting", resolve));
    change = flip;
    hearth.send("publish", { room: "lobby", event: "x" });
    expect(await lost).toMatchObject({ error: { code: "closed", closeCode: 4005, fatal: false } });
    change = (frame) => frame;
    expect(errors).toEqual(["The server reports: Sealed message refused"]);
    const second = await hearth.connect();
    expect(second).toMatchObject({ encrypted: true });
    expect(second.id).not.toBe(first.id);
    hearth.disconnect();
  });
});

/** The frame with the first byte of its ciphertext changed. */
function flip(frame: string): string {
  const { event, data } = JSON.parse(frame);
  const ct = Buffer.from(data.ct, "base64");
  ct[0] = (ct[0] ?? 0) ^ 1;
  return JSON.stringify({ event, data: { ...data, ct: ct.toString("base64") } });
}
