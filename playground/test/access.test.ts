import axe from "axe-core";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launch, Visitor } from "./browser.js";
import { freePort, type Running, startDemo } from "./processes.js";

let browser: Browser;
let demo: Running;
let url: string;

beforeAll(async () => {
  const port = await freePort();
  url = `http://127.0.0.1:${port}/`;
  browser = await launch();
  demo = await startDemo(port);
});
afterAll(async () => {
  await browser?.close();
  await demo?.stop();
});

/** What axe finds wrong with the page as it is: contrast (WCAG AA), names, roles, order. */
async function faults({ page }: Visitor): Promise<unknown[]> {
  // Fading in and out has colours of its own.
  await page.evaluate(() => Promise.all(document.getAnimations().map((a) => a.finished)));
  await page.evaluate(axe.source);
  const { violations, passes } = await page.evaluate(() => {
    const all = globalThis as unknown as { axe: typeof axe };
    return all.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] });
  });
  expect(passes.map(({ id }) => id)).toContain("color-contrast");
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, any }) => [id, html, any[0]?.message]),
  );
}

it.each([
  ["light", 1280, ["Timings", "Code", "Frames"]],
  ["dark", 1280, ["Timings", "Code", "Frames"]],
  ["light", 390, ["Frames"]],
] as const)("nothing keeps anybody out: %s, %s px wide", async (colorScheme, width, tabs) => {
  const shape = { viewport: { width, height: 844 }, colorScheme, isMobile: width < 1000 };
  const ann = await Visitor.open(browser, url, undefined, shape);
  await ann.screenshot(`${colorScheme}-${width}-new`);
  expect(await faults(ann)).toEqual([]);
  await ann.page.getByLabel("Your name").fill("ann");
  await ann.page.getByLabel("Your name").press("Enter");
  await ann.state("connected");
  // Six names of other people: each of the colours that names have.
  await ann.page.evaluate(() => {
    const socket = new WebSocket("/ws");
    const send = (event: string, data: object) => socket.send(JSON.stringify({ event, data }));
    socket.onopen = () => send("authenticate", {});
    socket.onmessage = ({ data }) => {
      if (JSON.parse(data).event !== "connected") return;
      send("join", { rooms: ["lobby"] });
      for (const from of "abcdef") {
        const chat = { room: "lobby", from, text: `I am ${from}` };
        send("publish", { room: "lobby", event: "chat", data: chat });
      }
    };
  });
  await ann.hears("I am f");
  const colours = await ann.page
    .locator("#log b")
    .evaluateAll((all) => all.map((b) => b.className));
  expect(new Set(colours).size).toBe(6);
  await ann.say("and I am ann");
  await ann.hears("and I am ann");
  await ann.page.locator("#frame-list summary").last().click();
  await ann.screenshot(`${colorScheme}-${width}`);
  for (const tab of tabs) {
    await ann.choose(tab);
    expect(await faults(ann)).toEqual([]);
  }
  await ann.page.context().close();
});
