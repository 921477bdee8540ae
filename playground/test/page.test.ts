import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launch, Visitor } from "./browser.js";
import { freePort, type Running, startDemo } from "./processes.js";

let browser: Browser;
let demo: Running;
let port: number;
let url: string;
const visitors: Visitor[] = [];

/** A visitor whose page must not complain. */
async function visit(...args: [name?: string, options?: Parameters<typeof Visitor.open>[3]]) {
  const visitor = await Visitor.open(browser, url, ...args);
  visitors.push(visitor);
  return visitor;
}

beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser?.close());

beforeEach(async () => {
  port = await freePort();
  url = `http://127.0.0.1:${port}/`;
  demo = await startDemo(port);
});

afterEach(async () => {
  const complaints = visitors.flatMap((visitor) => visitor.complaints);
  for (const { page } of visitors.splice(0)) await page.context().close();
  await demo.stop();
  expect(complaints).toEqual([]);
});

describe("two pages", () => {
  it("chat, in the room they share and in no other", async () => {
    const ann = await visit("ann");
    const bob = await visit("bob");
    await ann.say("hello from ann");
    await bob.hears("hello from ann");
    await bob.say("<b>hello</b> from bob");
    await ann.hears("<b>hello</b> from bob");
    await ann.hears("hello from ann");

    await ann.page.getByLabel("Room to join").fill("kitchen");
    await ann.press("Join");
    await ann.hears("ann joined");
    await ann.say("only in the kitchen");
    await ann.hears("only in the kitchen");
    await bob.say("back in the lobby");
    const lobby = ann.page.getByRole("tab", { name: "lobby" });
    await ann.page.locator('[data-room="lobby"][data-unread="1"]').waitFor();
    await lobby.click();
    await ann.hears("back in the lobby");
    expect(await bob.page.locator("#log").textContent()).not.toContain("kitchen");
    await ann.screenshot("chat");
  });

  it("hear nothing of a room they have left", async () => {
    const ann = await visit("ann");
    const bob = await visit("bob");
    await bob.page.getByLabel("Room to join").fill("kitchen");
    await bob.press("Join");
    await bob.hears("bob joined");
    await bob.press("Leave");
    await ann.page.getByLabel("Room to join").fill("kitchen");
    await ann.press("Join");
    await ann.say("is anybody here?");
    await ann.hears("is anybody here?");
    await ann.page.getByRole("tab", { name: "lobby" }).click();
    await ann.say("and here?");
    await bob.hears("and here?");
    expect(await bob.page.locator('[data-room="kitchen"]').count()).toBe(0);
  });
});

describe("the connection", () => {
  it("comes back after it was cut, with its rooms and what was written meanwhile", async () => {
    const ann = await visit("ann");
    const bob = await visit("bob");
    await ann.press("Cut the connection");
    await ann.state("connecting");
    await ann.say("written meanwhile");
    await ann.state("connected");
    await ann.hears("connected again after");
    await bob.hears("written meanwhile");
    await bob.say("welcome back");
    await ann.hears("welcome back");
  });

  it("survives the death and the restart of the server", async () => {
    const ann = await visit("ann");
    const bob = await visit("bob");
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      await demo.stop(signal);
      await ann.state("connecting");
      await ann.screenshot(`server-gone-${signal}`);
      demo = await startDemo(port);
      await ann.state("connected");
      await bob.state("connected");
      await ann.say(`after ${signal}`);
      await bob.hears(`after ${signal}`);
    }
  });

  it("is made anew for a new name", async () => {
    const ann = await visit("ann");
    const bob = await visit("bob");
    await ann.page.getByLabel("Your name").fill("anna");
    await ann.press("Rename");
    await ann.state("connected");
    await ann.say("new name, old room");
    await bob.hears("anna new name, old room");
    expect(await bob.page.locator("#log p", { hasText: "old room" }).count()).toBe(1);
  });

  it("ends with Disconnect and begins with Connect", async () => {
    const ann = await visit("ann");
    await ann.press("Disconnect");
    await ann.state("disconnected");
    await ann.hears("disconnected");
    await ann.press("Connect");
    await ann.state("connected");
  });

  it("does not come back after refused credentials, and says what to do", async () => {
    const ann = await visit();
    let sockets = 0;
    ann.page.on("websocket", () => sockets++);
    await ann.page.getByLabel("Your name").fill("not printable: \u0007");
    await ann.press("Connect");
    await ann.page.getByRole("alert").getByText("Get new ones, then call connect()").waitFor();
    await ann.state("disconnected");
    await ann.page
      .locator("#frame-list li.close", { hasText: "4003 Authentication failed" })
      .waitFor();
    await ann.screenshot("refused");
    // A new attempt would be there after 30 s at most.
    await ann.page.clock.install();
    await ann.page.clock.fastForward(120_000);
    expect(sockets).toBe(1);
    await ann.page.clock.resume();
    await ann.page.getByLabel("Your name").fill("ann");
    await ann.press("Connect");
    await ann.state("connected");
  });
});

describe("the inspector", () => {
  it("shows the frames on the wire, whole when opened", async () => {
    const ann = await visit("ann");
    await ann.say("seen on the wire");
    const sent = ann.page.locator("#frame-list li.out", { hasText: "seen on the wire" });
    const received = ann.page.locator("#frame-list li.in", { hasText: "seen on the wire" });
    await received.first().waitFor();
    expect(await sent.count()).toBe(1);
    expect(await ann.page.locator("#frame-list li.out").first().textContent()).toContain(
      '{"event":"authenticate","data":{"name":"ann"}}',
    );
    await received.locator("summary").click();
    expect(await received.locator("pre").textContent()).toContain('"event": "chat"');
    await ann.screenshot("frames");
    await ann.press("Pause");
    await ann.press("Clear");
    await ann.say("not shown");
    await ann.hears("not shown");
    expect(await ann.page.locator("#frame-list li").count()).toBe(0);
  });

  it("measures round trips", async () => {
    const ann = await visit("ann");
    await ann.choose("Timings");
    await ann.press("Measure 20 round trips");
    await ann.page.locator("#trips span").nth(19).waitFor();
    const median = ann.page.locator("#figures div", { hasText: "median" });
    expect(await median.locator("dd").textContent()).toMatch(/^\d+(\.\d+)? ms$/);
    await ann.screenshot("timings");
  });

  it("has programs to copy, with this address, name and room", async () => {
    const ann = await visit("ann", { permissions: ["clipboard-read", "clipboard-write"] });
    await ann.choose("Code");
    await ann.page.getByRole("button", { name: "Copy" }).first().click();
    await ann.page.getByRole("button", { name: "Copied" }).waitFor();
    const code = await ann.page.evaluate(() => navigator.clipboard.readText());
    expect(code).toContain(
      `new Hearth("ws://127.0.0.1:${port}/ws", {\n  token: { name: "ann" },\n})`,
    );
    expect(code).toContain('hearth.join("lobby")');
    await ann.screenshot("code");
  });
});

describe("a room that cannot be", () => {
  it("is refused before the first connection, too", async () => {
    const ann = await visit();
    await ann.page.getByLabel("Room to join").fill("ws:room");
    await ann.press("Join");
    await ann.page.getByRole("alert").getByText('"ws:room" cannot be a room').waitFor();
    expect(await ann.page.locator('[data-room="ws:room"]').count()).toBe(0);
    await ann.page.getByLabel("Your name").fill("ann");
    await ann.press("Connect");
    await ann.state("connected");
  });

  it("is forgotten, where it was remembered", async () => {
    const ann = await visit();
    await ann.page.evaluate(() => {
      const kept = { name: "ann", encryption: false, rooms: ["lobby", "ws:room"] };
      sessionStorage.setItem("playground", JSON.stringify(kept));
    });
    await ann.page.reload();
    await ann.state("connected");
    expect(await ann.page.locator("#rooms [role=tab]").allTextContents()).toEqual(["lobby"]);
  });
});

it("works where site data is blocked", async () => {
  const ann = await visit();
  await ann.page.addInitScript(() => {
    for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException("blocked", "SecurityError");
        },
      });
    }
  });
  await ann.page.reload();
  await ann.page.getByLabel("Your name").fill("ann");
  await ann.press("Connect");
  await ann.state("connected");
  await ann.press("Theme: system");
  await ann.page.getByText("Theme: light").waitFor();
});

it("has nothing to drop at Connect when a room was joined after Disconnect", async () => {
  const ann = await visit("ann");
  await ann.press("Disconnect");
  await ann.state("disconnected");
  await ann.page.getByLabel("Room to join").fill("kitchen");
  await ann.press("Join");
  await ann.press("Connect");
  await ann.state("connected");
  // The alert is hidden by now, and still has the last text it had.
  expect(await ann.page.locator("#problem").textContent()).toBe("");
  await ann.say("first words");
  await ann.hears("first words");
});

describe("anybody can use it", () => {
  it("and keeps the focus when the button that has it goes away", async () => {
    const ann = await visit("ann");
    const focused = (id: string) => ann.page.locator(`#${id}:focus`).waitFor();
    await ann.page.locator("#disconnect").focus();
    await ann.page.keyboard.press("Enter");
    await ann.state("disconnected");
    await focused("connect");
    await ann.page.keyboard.press("Enter");
    await ann.state("connected");
    await focused("disconnect");
  });

  it("and leaves keys with Alt, Control or Meta to the browser", async () => {
    const ann = await visit("ann");
    await ann.page.locator("#tab-frames").focus();
    const taken = await ann.page.evaluate(() =>
      ["altKey", "ctrlKey", "metaKey", "none"].map((modifier) => {
        const init = { key: "ArrowRight", bubbles: true, cancelable: true, [modifier]: true };
        return !document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", init));
      }),
    );
    expect(taken).toEqual([false, false, false, true]);
  });

  it("and has lines of another room shown, but not read out", async () => {
    const ann = await visit("ann");
    await ann.page.getByLabel("Room to join").fill("kitchen");
    await ann.press("Join");
    await ann.hears("ann joined");
    await ann.page.locator("#log:not([aria-live])").waitFor();
    // How the log was whenever its lines changed.
    const lives = await ann.page.evaluate(async () => {
      const log = document.getElementById("log") as HTMLElement;
      const seen: unknown[] = [];
      const watch = new MutationObserver(() => seen.push(log.ariaLive));
      watch.observe(log, { childList: true });
      document.querySelector<HTMLElement>('[data-room="lobby"]')?.click();
      await Promise.resolve();
      return seen;
    });
    expect(lives).toEqual(["off"]);
    await ann.page.locator("#log:not([aria-live])").waitFor();
  });

  it("by keyboard alone", async () => {
    const ann = await visit();
    const { keyboard } = ann.page;
    const focus = () => ann.page.evaluate(() => document.activeElement?.id);
    const to = async (id: string) => {
      for (let i = 0; i < 60 && (await focus()) !== id; i++) await keyboard.press("Tab");
      expect(await focus()).toBe(id);
    };
    expect(await focus()).toBe("name");
    await keyboard.type("ann");
    await keyboard.press("Enter");
    await ann.state("connected");
    await to("room");
    await keyboard.type("kitchen");
    await keyboard.press("Enter");
    await ann.hears("ann joined");
    await to("text");
    await keyboard.type("no mouse here");
    await keyboard.press("Enter");
    await ann.hears("no mouse here");
    await to("frame-list");
    await keyboard.press("Tab");
    await keyboard.press("Enter");
    expect(await ann.page.locator("#frame-list details[open]").count()).toBe(1);
    await to("drop");
    await keyboard.press("Enter");
    await ann.hears("connected again after");
    await to("leave");
    await keyboard.press("Space");
    expect(await ann.page.locator('[data-room="kitchen"]').count()).toBe(0);
    await to("tab-frames");
    await keyboard.press("ArrowRight");
    expect(await focus()).toBe("tab-timings");
    expect(await ann.page.locator("#timings").isVisible()).toBe(true);
    await keyboard.press("End");
    expect(await ann.page.locator("#code").isVisible()).toBe(true);
    await to("theme");
    await keyboard.press("Space");
    await keyboard.press("Space");
    expect(await ann.page.evaluate(() => document.documentElement.dataset.theme)).toBe("dark");
  });

  it("on a phone, without scrolling sideways", async () => {
    const ann = await visit("ann", {
      viewport: { width: 390, height: 844 },
      isMobile: true,
      hasTouch: true,
      colorScheme: "dark",
    });
    await ann.say("from a phone, with a rather long line that has to be wrapped somewhere");
    await ann.hears("from a phone");
    await ann.screenshot("phone-top");
    for (const tab of ["Timings", "Code", "Frames"]) {
      await ann.choose(tab);
      const width = await ann.page.evaluate(() => document.documentElement.scrollWidth);
      expect(width).toBe(390);
    }
    await ann.page.locator("#inspector").scrollIntoViewIfNeeded();
    await ann.screenshot("phone-inspector");
  });

  it("in the dark", async () => {
    const ann = await visit("ann", { colorScheme: "dark" });
    await ann.say("good evening");
    await ann.hears("good evening");
    const back = () => ann.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await back()).toBe("rgb(20, 16, 13)");
    await ann.screenshot("dark");
    await ann.press("Theme: system");
    await ann.page.getByText("Theme: light").waitFor();
    expect(await back()).toBe("rgb(246, 242, 238)");
  });
});

it("loads nothing from elsewhere", async () => {
  const ann = await visit();
  const asked: string[] = [];
  ann.page.on("request", (request) => asked.push(request.url()));
  await ann.page.reload();
  await ann.page.waitForLoadState("networkidle");
  expect(asked.length).toBeGreaterThan(2);
  for (const address of asked) expect(address.startsWith(url)).toBe(true);
});

it("remembers its name and rooms over a reload, and comes back by itself", async () => {
  const ann = await visit("ann");
  await ann.page.getByLabel("Room to join").fill("kitchen");
  await ann.press("Join");
  await ann.page.reload();
  await ann.state("connected");
  expect(await ann.page.getByLabel("Your name").inputValue()).toBe("ann");
  await ann.page.getByRole("tab", { name: "kitchen" }).click();
  await ann.say("still here");
  await ann.hears("still here");
});
