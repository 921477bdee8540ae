import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it } from "vitest";
import { launch, Visitor } from "./browser.js";
import { freePort, type Running, type Started, start, startDemo, startRedis } from "./processes.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "hearth-snippets-"));
// What is in here finds @hearthws/client as the page's sources do.
const here = fileURLToPath(new URL("artifacts/snippets/", import.meta.url));

// A name and a room with everything that has to be quoted somewhere.
const name = `o'ann "</script>" $1`;
const room = `a 'b' "c" <d>`;

let browser: Browser;
let ann: Visitor;
let redisPort: number;
let sitePort: number;
const running: Running[] = [];
const snippets = new Map<string, string>();

beforeAll(async () => {
  redisPort = await freePort();
  sitePort = await freePort();
  running.push(await startRedis(redisPort));
  const port = await freePort();
  const site = ["--origin", `http://127.0.0.1:${sitePort}`];
  running.push(await startDemo(port, "--redis", `redis://127.0.0.1:${redisPort}`, ...site));
  browser = await launch();
  ann = await Visitor.open(browser, `http://127.0.0.1:${port}/`, name);
  await ann.page.getByLabel("Encryption").check();
  await ann.state("connected, sealed");
  await ann.page.getByLabel("Room to join").fill(room);
  await ann.press("Join");
  await ann.choose("Code");
  for (const figure of await ann.page.locator("#code figure").all()) {
    const title = await figure
      .locator("figcaption")
      .evaluate((node) => node.firstChild?.textContent);
    snippets.set(title ?? "", (await figure.locator("pre").textContent()) ?? "");
  }
});
afterAll(async () => {
  await browser?.close();
  for (const process of running.reverse()) await process.stop();
  for (const path of [dir, here]) rmSync(path, { recursive: true, force: true });
});

function snippet(title: string): string {
  const code = snippets.get(title);
  if (!code) throw new Error(`the page has ${[...snippets.keys()].join(", ")}`);
  return code;
}

/** Runs a program that stays; stopped at the end. */
function stays(command: string, ...args: string[]): Started {
  const program = start(command, args, root);
  running.push(program);
  return program;
}

/** The program has said this. */
async function printed({ output }: Started, text: string): Promise<void> {
  await expect.poll(() => output.join(""), { timeout: 20_000 }).toContain(text);
}

/** Everybody hears what is written here. */
async function heardBy(program: Started, text: string): Promise<void> {
  await ann.say(text);
  await printed(program, text);
}

it("every snippet is tried", () => {
  expect([...snippets.keys()]).toEqual([
    "JavaScript, with a bundler",
    "JavaScript, in a page",
    "Go, a client",
    "Go, a server of your own",
    "Shell, a client",
    "Shell, a message to all servers on one Redis",
  ]);
});

it("JavaScript, with a bundler", async () => {
  mkdirSync(here, { recursive: true });
  writeFileSync(join(here, "client.ts"), snippet("JavaScript, with a bundler"));
  const bun = join(root, "interop/peer/node_modules/.bin/bun");
  const program = stays(bun, join(here, "client.ts"));
  await printed(program, "hello");
  await ann.hears("hello");
  await heardBy(program, "to JavaScript");
});

it("JavaScript, in a page", async () => {
  const html = `<!doctype html>${snippet("JavaScript, in a page")}`;
  const site = createServer((_, response) => {
    response.setHeader("Content-Type", "text/html").end(html);
  });
  await new Promise<void>((resolve) => site.listen(sitePort, "127.0.0.1", resolve));
  const page = await browser.newPage();
  const logged: string[] = [];
  page.on("console", (message) => logged.push(message.text()));
  await page.goto(`http://127.0.0.1:${sitePort}/`);
  // Of the page's own, so it is in the room when ann hears it.
  const chat = { room, from: "page", text: "here I am" };
  const data = JSON.stringify({ room, event: "chat", data: chat });
  await page.evaluate(`hearth.send("publish", ${data})`);
  await ann.hears("here I am");
  await ann.say("to a page");
  await expect.poll(() => logged).toEqual(["page here I am", `${name} to a page`]);
  await page.close();
  site.close();
});

it("Go, a client", async () => {
  writeFileSync(join(dir, "client.go"), snippet("Go, a client"));
  await promisify(execFile)("go", ["build", "-o", join(dir, "client"), join(dir, "client.go")], {
    cwd: root,
  });
  const program = stays(join(dir, "client"));
  await printed(program, "hello");
  await heardBy(program, "to Go");
}, 120_000);

it("Go, a server of your own", async () => {
  writeFileSync(join(dir, "server.go"), snippet("Go, a server of your own"));
  await promisify(execFile)("go", ["vet", join(dir, "server.go")], { cwd: root });
}, 120_000);

it("Shell, a client", async () => {
  const path = `PATH=${join(inject("hearth"), "..")}:$PATH; `;
  const program = stays("bash", "-c", `${path}exec ${snippet("Shell, a client")}`);
  program.child.stdin.write("typed in the shell\n");
  await ann.hears("typed in the shell");
  await heardBy(program, "to the shell");
});

it("Shell, a message to all servers on one Redis", async () => {
  const code = snippet("Shell, a message to all servers on one Redis").replace(
    "6379",
    `${redisPort}`,
  );
  const path = `PATH=${join(inject("hearth"), "..")}:$PATH; `;
  await promisify(execFile)("bash", ["-c", path + code]);
  await ann.hears("shell hello");
});
