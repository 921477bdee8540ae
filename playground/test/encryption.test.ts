import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launch, Visitor } from "./browser.js";
import { freePort, type Running, startDemo } from "./processes.js";

let browser: Browser;
let demo: Running;
let port: number;

beforeAll(async () => {
  port = await freePort();
  browser = await launch();
  demo = await startDemo(port);
});
afterAll(async () => {
  await browser?.close();
  await demo?.stop();
});

it("is switched on and off while others chat on", async () => {
  const url = `http://127.0.0.1:${port}/`;
  const ann = await Visitor.open(browser, url, "ann");
  const bob = await Visitor.open(browser, url, "bob");
  await ann.page.getByLabel("Encryption").check();
  await ann.state("connected, sealed");
  await ann.press("Clear");
  await ann.say("sealed on its way");
  await bob.hears("sealed on its way");
  await bob.say("and back");
  await ann.hears("and back");
  const sealed = ann.page.locator("#frame-list li", { hasText: '{"event":"encrypted"' });
  const all = ann.page.locator("#frame-list li");
  expect(await all.count()).toBeGreaterThan(2);
  expect(await sealed.count()).toBe(await all.count());
  for (const direction of ["in", "out"]) {
    await ann.page.locator(`#frame-list li.${direction}`).first().waitFor();
  }
  expect((await all.allTextContents()).join()).not.toContain("sealed on its way");
  await ann.screenshot("sealed");
  await ann.choose("Code");
  await ann.page.getByText("encryption: true").first().waitFor();
  await ann.press("Cut the connection");
  await ann.hears("connected, sealed again");
  await demo.stop("SIGKILL");
  await ann.state("connecting");
  demo = await startDemo(port);
  await ann.state("connected, sealed");
  await bob.state("connected");
  await ann.page.getByLabel("Encryption").uncheck();
  await ann.state("connected");
  await ann.say("plain again");
  await bob.hears("plain again");
  await ann.choose("Frames");
  await ann.page.locator("#frame-list li.out", { hasText: "plain again" }).waitFor();
  expect([...ann.complaints, ...bob.complaints]).toEqual([]);
});

it("is not to be had on an insecure origin, and the page says why", async () => {
  // A name that is not localhost makes the origin insecure, as in production without TLS.
  const insecure = await browser.newContext();
  const page = await insecure.newPage();
  await page.route("http://hearth.test/**", async (route) => {
    const path = new URL(route.request().url()).pathname;
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const body = Buffer.from(await response.arrayBuffer());
    await route.fulfill({
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body,
    });
  });
  await page.goto("http://hearth.test/");
  await page.getByLabel("Encryption").check();
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.getByText("open the page by https:// or from localhost").waitFor();
  await insecure.close();
});
