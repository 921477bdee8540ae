import { createServer, type Server } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { launch, Visitor } from "./browser.js";
import { freePort, type Running, ready, startDemo, startRedis } from "./processes.js";

let browser: Browser;
const running: Running[] = [];

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());
afterEach(async () => {
  for (const process of running.splice(0)) await process.stop();
});

it("two servers on one Redis are one place, also after Redis was restarted", async () => {
  const [redisPort, one, two] = [await freePort(), await freePort(), await freePort()];
  let redis = await startRedis(redisPort);
  const flags = ["--redis", `redis://127.0.0.1:${redisPort}`];
  running.push(await startDemo(one, ...flags), await startDemo(two, ...flags), redis);
  const ann = await Visitor.open(browser, `http://127.0.0.1:${one}/`, "ann");
  const bob = await Visitor.open(browser, `http://127.0.0.1:${two}/`, "bob");
  await ann.say("over Redis");
  await bob.hears("over Redis");

  await redis.stop("SIGKILL");
  await ann.say("while Redis is gone");
  await ann.hears("while Redis is gone");
  redis = await startRedis(redisPort);
  running.push(redis);
  for (const port of [one, two]) await ready(port);
  await ann.say("Redis is back");
  await bob.hears("Redis is back");
  await ann.state("connected");
  expect(await ann.page.locator("#log").textContent()).not.toContain("Attempt");
});

it("a page of another origin is refused", async () => {
  const port = await freePort();
  running.push(await startDemo(port));
  const page = `<!doctype html><script src="http://127.0.0.1:${port}/client.js"></script>`;
  const other: Server = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html").end(page);
  });
  const otherPort = await freePort();
  await new Promise<void>((resolve) => other.listen(otherPort, "127.0.0.1", resolve));
  const context = await browser.newContext();
  try {
    const foreign = await context.newPage();
    await foreign.goto(`http://127.0.0.1:${otherPort}/`);
    const outcome = await foreign.evaluate(async (address) => {
      // biome-ignore lint/suspicious/noExplicitAny: what client.js defines
      const { Hearth } = globalThis as any;
      const hearth = new Hearth(address, {
        token: { name: "mallory" },
        backoff: { base: 10, cap: 20 },
      });
      const seen: string[] = [];
      return new Promise<string[]>((resolve) => {
        hearth.on("connected", () => resolve(["connected"]));
        // biome-ignore lint/suspicious/noExplicitAny: of client.js
        hearth.on("connecting", ({ error }: any) => {
          if (error) seen.push(`${error.code}: ${error.message}`);
          if (seen.length < 3) return;
          hearth.disconnect();
          resolve(seen);
        });
        hearth.connect();
      });
    }, `ws://127.0.0.1:${port}/ws`);
    expect(outcome).toHaveLength(3);
    for (const text of outcome) expect(text).toMatch(/^network: .*does it allow this origin/);
  } finally {
    await context.close();
    other.close();
  }
});
