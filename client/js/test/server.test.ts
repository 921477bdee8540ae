import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Hearth, type Message } from "../src/index.js";
import {
  freePort,
  peerNames,
  type Server,
  type StartOptions,
  startRedis,
  startServer,
} from "./peers/peers.js";
import { ask, type FromServer, options, watched } from "./support/real.js";

/** Timers of this process that keep running. */
function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

describe.each(peerNames)("with the server %s", (peer) => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let start: StartOptions;
  let server: Server;

  beforeAll(async () => {
    start = { port: await freePort(), redisPort: await freePort() };
    redis = await startRedis(start.redisPort);
    server = await startServer(peer, start);
  }, 30_000);

  afterAll(async () => {
    await server?.kill();
    await redis?.stop();
  });

  it("authenticates, joins, sends and receives", async () => {
    const hearth = new Hearth<FromServer>(server.url, {
      ...options,
      token: { token: "ok", userId: "ann" },
    });
    const connection = await hearth.connect();
    expect(connection).toMatchObject({ userId: "ann", encrypted: false });
    expect(Date.parse(connection.time)).not.toBeNaN();
    hearth.join("lobby", "secret-1");
    expect(await ask(hearth, "echo", { deep: ["día ☀ 😀", null] })).toEqual({
      deep: ["día ☀ 😀", null],
    });
    const me = await ask(hearth, "whoami");
    expect(me).toMatchObject({ id: connection.id, userId: "ann", encrypted: false });
    expect(me.rooms).toContain("lobby");
    expect(me.rooms).not.toContain("secret-1");
    const message = new Promise((resolve) => hearth.once("msg", resolve));
    hearth.send("pub", { room: "lobby", body: { n: 1 } });
    expect(await message).toEqual({ n: 1 });
    hearth.disconnect();
  });

  it("stops at refused credentials, and at a check that failed", async () => {
    for (const token of ["bad", "throw"]) {
      const hearth = new Hearth(server.url, { ...options, token });
      const attempts = vi.fn();
      hearth.on("connecting", attempts);
      hearth.on("disconnected", () => {});
      await expect(hearth.connect()).rejects.toMatchObject({ code: "rejected", closeCode: 4003 });
      expect(hearth.state).toBe("disconnected");
      expect(attempts).toHaveBeenCalledTimes(1);
    }
  });

  it("answers the heartbeat's question, again and again", async () => {
    let answers = 0;
    const hearth = new Hearth<FromServer>(server.url, {
      ...watched({
        receive: (frame) => {
          if (frame.includes("Already authenticated")) answers++;
        },
      }),
      heartbeat: { interval: 30, timeout: 5000 },
    });
    const { id } = await hearth.connect();
    const told = vi.fn();
    for (const event of ["error", "connecting", "*"] as const) hearth.on(event, told);
    await vi.waitFor(() => expect(answers).toBeGreaterThan(4), { timeout: 10_000 });
    expect(told).not.toHaveBeenCalled();
    expect((await ask(hearth, "whoami")).id).toBe(id);
    hearth.disconnect();
  });

  it("stays away after a kick with 1000, and comes back after one with another code", async () => {
    const hearth = new Hearth<FromServer>(server.url, options);
    const first = await hearth.connect();
    const again = new Promise((resolve) => hearth.once("connecting", resolve));
    hearth.send("kick", { id: first.id, code: 4123, reason: "move" });
    expect(await again).toMatchObject({ error: { closeCode: 4123, reason: "move" } });
    const second = await hearth.connect();
    expect(second.id).not.toBe(first.id);
    const end = new Promise((resolve) => hearth.once("disconnected", resolve));
    hearth.send("kick", { id: second.id, code: 1000, reason: "enough" });
    expect(await end).toMatchObject({ error: { code: "closed", closeCode: 1000 } });
    expect(hearth.state).toBe("disconnected");
  });

  it("says so when the path is not the server's", async () => {
    const hearth = new Hearth(server.url.replace("/ws", "/nothing"), options);
    const failed = new Promise((resolve) => {
      hearth.on("connecting", ({ error }) => error && resolve(error));
    });
    hearth.connect();
    expect(await failed).toMatchObject({
      code: "network",
      message: expect.stringMatching(/is this its path, and does it allow this origin/),
    });
    hearth.disconnect();
  });

  // The original takes a second to start, and its deaths are no others.
  const deaths = peer === "hearth" ? 50 : 4;
  it(`ends connected, in all its rooms, after ${deaths} deaths of the server`, {
    timeout: 300_000,
  }, async () => {
    const before = timers();
    const leak = setInterval(() => {}, 60_000);
    expect(timers()).toBe(before + 1); // a leak would be seen
    clearInterval(leak);
    const queue = { messages: 10_000 };
    const hearth = new Hearth<FromServer>(server.url, { ...options, queue });
    const rooms = Array.from({ length: 20 }, (_, i) => `room-${i}`);
    const states: string[] = [];
    const echoes: unknown[] = [];
    const errors: unknown[] = [];
    hearth.on("statechange", (state) => states.push(state));
    hearth.on("connected", () => hearth.on("msg", () => {}));
    hearth.on("echo", (data) => echoes.push(data));
    hearth.on("error", (error) => errors.push(error));
    hearth.join(...rooms.slice(0, 10));
    await hearth.connect();
    hearth.join(...rooms.slice(10));

    let n = 0;
    const flow = setInterval(() => {
      hearth.send("echo", n++);
      hearth.send("pub", { room: "room-3", body: n });
    }, 5);
    for (let death = 0; death < deaths; death++) {
      const lost = new Promise((resolve) => hearth.once("connecting", resolve));
      await (death % 2 ? server.stop() : server.kill());
      await lost;
      server = await startServer(peer, start);
      await hearth.connect();
      // Every fifth time it dies again with everything still in flight.
      if (death % 5) await ask(hearth, "whoami");
    }
    clearInterval(flow);

    expect(hearth.state).toBe("connected");
    expect(errors).toEqual([]);
    expect(hearth.queued).toBe(0);
    // whoami follows all that was sent before it.
    const me = await ask(hearth, "whoami");
    expect(me.id).toBe(hearth.connection?.id);
    expect(rooms.filter((room) => !me.rooms.includes(room))).toEqual([]);
    expect(echoes.length).toBeGreaterThan(n / 2);
    expect(echoes).toEqual([...new Set(echoes as number[])].sort((a, b) => a - b));
    const all: Message[] = [];
    hearth.on("*", (message) => all.push(message));
    const heard = vi.fn();
    hearth.on("msg", heard);
    hearth.send("pub", { room: "room-7", body: "once" });
    await ask(hearth, "whoami");
    expect(all.filter(({ event }) => event === "msg")).toEqual([{ event: "msg", data: "once" }]);
    expect(heard).toHaveBeenCalledTimes(1);
    expect(states.filter((state) => state === "connected")).toHaveLength(deaths + 1);
    hearth.disconnect();
    expect(timers()).toBe(before);
  });
});
