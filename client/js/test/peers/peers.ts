import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";

/**
 * The servers that are tested against: `hearth`, the lab server of this
 * repository, and `ignis`, the original with the same hooks, as interop/peer
 * installs it. HEARTH_PEERS=hearth leaves the original out.
 */
export const peerNames = (process.env.HEARTH_PEERS ?? "hearth,ignis").split(",");

export interface StartOptions {
  port: number;
  /** The Redis of the original. */
  redisPort: number;
  encryption?: boolean;
}

/** A server process. */
export interface Server {
  url: string;
  /** SIGKILL: no close frame, no goodbye. Resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM: closes 1001. Resolves when it is gone. */
  stop(): Promise<void>;
}

/** Starts a server and waits until it accepts. */
export async function startServer(peer: string, options: StartOptions): Promise<Server> {
  const child = peer === "hearth" ? lab(options) : original(options);
  await line(child, /^READY /);
  return serverOf(child, options.port);
}

/** Starts `hearth serve --demo` and waits until it accepts. */
export async function startDemo(port: number, ...flags: string[]): Promise<Server> {
  const all = ["serve", "--demo", `--addr=127.0.0.1:${port}`, "--drain-for=0s", ...flags];
  const child = spawn(inject("hearth"), all);
  await line(child, /listening/, child.stderr);
  return serverOf(child, port);
}

function serverOf(child: ChildProcess, port: number): Server {
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    kill: () => end(child, "SIGKILL"),
    stop: () => end(child, "SIGTERM"),
  };
}

function lab({ port, encryption }: StartOptions): ChildProcess {
  const flags = encryption ? ["-require-encryption"] : [];
  return spawn(inject("lab"), [`-addr=127.0.0.1:${port}`, ...flags]);
}

function original({ port, redisPort, encryption }: StartOptions): ChildProcess {
  const settings = [{ port, redis: `127.0.0.1:${redisPort}`, seal: encryption }];
  return spawn(bun, [join(peerDir, "server.ts")], {
    cwd: inject("scratch"), // where it leaves its log files
    env: { ...process.env, NODE_ENV: "production", SERVERS: JSON.stringify(settings) },
  });
}

const peerDir = fileURLToPath(new URL("../../../../interop/peer", import.meta.url));

/** Bun, which the original is run by. */
export const bun = join(peerDir, "node_modules/.bin/bun");

/** A Redis of its own for a test. */
export async function startRedis(port: number): Promise<{ stop(): Promise<void> }> {
  const child = spawn("redis-server", [
    "--bind",
    "127.0.0.1",
    "--port",
    `${port}`,
    "--save",
    "",
    "--appendonly",
    "no",
  ]);
  await line(child, /Ready to accept connections/);
  return { stop: () => end(child, "SIGTERM") };
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

/** Resolves when the process has written such a line, and rejects when it ends before. */
async function line(child: ChildProcess, pattern: RegExp, of = child.stdout): Promise<void> {
  const heard: string[] = [];
  if (!of) throw new Error("no output to read");
  child.stderr?.on("data", (text) => heard.push(String(text)));
  const lines = createInterface(of);
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`exit ${code}: ${heard.join("")}`)));
    lines.on("line", (text) => {
      heard.push(`${text}\n`);
      if (pattern.test(text)) resolve();
    });
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
}
