import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launch } from "./browser.js";
import { freePort, type Running, startDemo } from "./processes.js";

// The client's single file where it is nobody's page but the user's: the
// server is another origin's, and allows it.
let browser: Browser;
let site: Server;
let demo: Running;
let port: number;
let flags: string[];
let page: Page;

/** What runs in each of them. It posts what happens; what it is posted, it publishes. */
const program = (address: string) => `
  importScripts("${address.replace("ws", "http").replace("/ws", "/client.js")}");
  addEventListener("connect", ({ ports }) => start(ports[0]));
  function start(peer) {
    const hearth = new Hearth("${address}", {
      token: async () => ({ name: "worker" }),
      encryption: true,
      backoff: { base: 20, cap: 100 },
    });
    hearth.on("connected", ({ userId, encrypted }) => peer.postMessage(userId + " " + encrypted));
    hearth.on("hello", (data) => peer.postMessage(data));
    peer.onmessage = ({ data }) => hearth.send("publish", { room: "lobby", event: "hello", data });
    hearth.join("lobby");
    hearth.connect();
  }
  if (!("onconnect" in self)) start(self);
`;

beforeAll(async () => {
  port = await freePort();
  site = createServer(({ url }, response) => {
    const script = url === "/worker.js";
    response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    const html = `<!doctype html><script src="http://127.0.0.1:${port}/client.js"></script>`;
    response.end(script ? program(`ws://127.0.0.1:${port}/ws`) : html);
  });
  const at = await freePort();
  await new Promise<void>((resolve) => site.listen(at, "127.0.0.1", resolve));
  flags = ["--origin", `http://127.0.0.1:${at}`];
  demo = await startDemo(port, ...flags);
  browser = await launch();
  const context = await browser.newContext();
  page = await context.newPage();
  await page.goto(`http://127.0.0.1:${at}/`);
});
afterAll(async () => {
  await browser?.close();
  await demo?.stop();
  site?.close();
});

it.each(["Worker", "SharedWorker"] as const)(
  "runs in a %s, sealed, and survives a restart",
  async (kind) => {
    const seen: string[] = [];
    await page.exposeFunction(`seen${kind}`, (what: string) => seen.push(what));
    const worker = await page.evaluateHandle((kind) => {
      const worker =
        kind === "Worker" ? new Worker("/worker.js") : new SharedWorker("/worker.js").port;
      // biome-ignore lint/suspicious/noExplicitAny: exposed above
      worker.onmessage = ({ data }) => (globalThis as any)[`seen${kind}`](data);
      return worker;
    }, kind);
    const next = async (what: string) => {
      await expect.poll(() => seen.shift(), { timeout: 15_000 }).toBe(what);
    };
    await next("worker true");
    await worker.evaluate((worker) => worker.postMessage("from inside"));
    await next("from inside");

    await demo.stop("SIGKILL");
    demo = await startDemo(port, ...flags);
    await next("worker true");
    await worker.evaluate((worker) => worker.postMessage("still in the room"));
    await next("still in the room");
    await page.reload();
  },
);

it("seals and opens as the vectors of the protocol say", async () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const bun = join(root, "interop/peer/node_modules/.bin/bun");
  const replay = join(root, "client/js/test/support/replay.ts");
  const bundle = await promisify(execFile)(bun, ["build", replay, "--format=esm"]);
  const url = `data:text/javascript;base64,${Buffer.from(bundle.stdout).toString("base64")}`;
  const outcome: Record<string, string[]> = await page.evaluate(`(async () => {
    const { replay, vectors } = await import("${url}");
    const changed = structuredClone(vectors);
    changed.publicKeys[0].valid = false;
    return { wrong: await replay(vectors), control: await replay(changed) };
  })()`);
  expect(outcome.wrong).toEqual([]);
  expect(outcome.control).toHaveLength(1);
});

it("is back at once when the network is", async () => {
  const seen: string[] = [];
  await page.exposeFunction("seen", (what: string) => seen.push(what));
  await page.evaluate((address) => {
    // biome-ignore lint/suspicious/noExplicitAny: exposed above, and what client.js defines
    const { Hearth, seen } = globalThis as any;
    Math.random = () => 0.999; // the next attempt is in a minute
    const hearth = new Hearth(address, { token: "page", backoff: { base: 60_000, cap: 60_000 } });
    hearth.on("statechange", seen);
    hearth.connect();
  }, `ws://127.0.0.1:${port}/ws`);
  await expect.poll(() => seen).toEqual(["connecting", "connected"]);
  await demo.stop("SIGKILL");
  await expect.poll(() => seen.splice(0).at(-1)).toBe("connecting");
  demo = await startDemo(port, ...flags);
  await page.context().setOffline(true);
  await page.context().setOffline(false);
  await expect.poll(() => seen, { timeout: 15_000 }).toEqual(["connected"]);
});
