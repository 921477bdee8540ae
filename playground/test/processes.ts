import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { inject } from "vitest";

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
  await until(`http://${address}/`, demo);
  return demo;
}

export async function startRedis(port: number): Promise<Running> {
  const flags = ["--bind", "127.0.0.1", "--port", `${port}`, "--save", "", "--appendonly", "no"];
  const redis = start("redis-server", flags);
  await line(redis.child, /Ready to accept connections/);
  return redis;
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

interface Started extends Running {
  child: ChildProcess;
  output: string[];
}

function start(command: string, args: string[]): Started {
  const child = spawn(command, args);
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

/** Resolves when the address answers, and rejects when the process has ended or 10 s are over. */
async function until(url: string, { child, output }: Started): Promise<void> {
  const end = Date.now() + 10_000;
  while (child.exitCode === null && Date.now() < end) {
    try {
      await fetch(url);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error(`nobody answers at ${url}: ${output.join("")}`);
}

/** Resolves when the process has written such a line, and rejects when it ends before. */
async function line(child: ChildProcess, pattern: RegExp): Promise<void> {
  if (!child.stdout) throw new Error("no output to read");
  const lines = createInterface(child.stdout);
  await new Promise<void>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`exit ${code}`)));
    lines.on("line", (text) => pattern.test(text) && resolve());
  });
}
