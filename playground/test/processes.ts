import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { expect, inject, vi } from "vitest";

/** A process that serves; gone when stop resolves. */
export interface Running {
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** `hearth serve --demo`. */
export async function startDemo(port: number, ...flags: string[]): Promise<Running> {
  const address = `127.0.0.1:${port}`;
  const demo = start(inject("hearth"), [
    "serve",
    "--demo",
    "--addr",
    address,
    "--drain-for",
    "0s",
    ...flags,
  ]);
  await line(demo, /"listening"/, demo.child.stderr);
  return demo;
}

export async function startRedis(port: number): Promise<Running> {
  const flags = ["--bind", "127.0.0.1", "--port", `${port}`, "--save", "", "--appendonly", "no"];
  const redis = start("redis-server", flags);
  await line(redis, /Ready to accept connections/, redis.child.stdout);
  return redis;
}

/** Resolves when a server says that new clients may come: it is back at its Redis, for one. */
export async function ready(port: number): Promise<void> {
  const ask = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
  await vi.waitFor(async () => expect(await ask()).toBe(200), { timeout: 15_000 });
}

/** A port that nobody listens on, below those that outgoing connections take. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** A process with what it has written. */
export interface Started extends Running {
  child: ChildProcessWithoutNullStreams;
  output: string[];
}

export function start(command: string, args: string[], cwd?: string): Started {
  const child = spawn(command, args, { cwd });
  const output: string[] = [];
  child.stdout.on("data", (text) => output.push(String(text)));
  child.stderr.on("data", (text) => output.push(String(text)));
  return {
    child,
    output,
    async stop(signal = "SIGTERM") {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill(signal);
      await exit;
    },
  };
}

/** Resolves when the process has written such a line, and rejects when it ends before. */
async function line({ child, output }: Started, pattern: RegExp, from: Readable): Promise<void> {
  const lines = createInterface(from);
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`exit ${code}: ${output.join("")}`)));
    lines.on("line", (text) => pattern.test(text) && resolve());
  });
}
