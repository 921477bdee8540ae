import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
}

/** A page of the playground, of somebody with a name. */
export class Visitor {
  readonly page: Page;
  /** What the page complained of: exceptions, and everything that the policy forbade. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      const text = message.text();
      if (/Content Security Policy|Trusted/.test(text)) this.complaints.push(text);
    });
  }

  /** Opens the page in a context of its own; connects when there is a name. */
  static async open(
    browser: Browser,
    url: string,
    name?: string,
    options: BrowserContextOptions = {},
  ): Promise<Visitor> {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 800 },
      colorScheme: "light",
      ...options,
    });
    const visitor = new Visitor(await context.newPage());
    visitor.page.setDefaultTimeout(15_000);
    await visitor.page.goto(url);
    if (name !== undefined) {
      await visitor.page.getByLabel("Your name").fill(name);
      await visitor.page.getByLabel("Your name").press("Enter");
      await visitor.state("connected");
    }
    return visitor;
  }

  /** Waits for a state of the connection, as the page shows it. */
  async state(text: string): Promise<void> {
    await this.page.locator("#status").getByText(text, { exact: true }).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.page.getByLabel("Message", { exact: true }).fill(text);
    await this.page.getByLabel("Message", { exact: true }).press("Enter");
  }

  /** Waits until the room in front has a line with this text. */
  async hears(text: string): Promise<void> {
    await this.page.locator("#log p").filter({ hasText: text }).first().waitFor();
  }

  /** Presses the button with this label. */
  async press(label: string): Promise<void> {
    await this.page.getByRole("button", { name: label, exact: true }).click();
  }

  async choose(tab: string): Promise<void> {
    await this.page.getByRole("tab", { name: tab, exact: true }).click();
  }

  async screenshot(name: string): Promise<void> {
    const path = fileURLToPath(new URL(`artifacts/${name}.png`, import.meta.url));
    await this.page.screenshot({ path });
  }
}
