import type { Browser } from "playwright-core";
import { afterAll, beforeAll, it } from "vitest";
import { launch } from "./browser.js";
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
