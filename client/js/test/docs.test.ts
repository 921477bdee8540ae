import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const here = new URL("../", import.meta.url);
const root = new URL("../../", here);
const guides = [new URL("docs/client.md", root), new URL("README.md", here)];

/** The TypeScript in a guide: its fenced blocks, each a module of its own. */
function examples(markdown: string): { code: string; ext: string }[] {
  const blocks = markdown.matchAll(/^```(tsx?)\n(.*?)^```$/gms);
  return [...blocks].map(([, ext = "", code = ""]) => ({ ext, code: `${code}\nexport {};\n` }));
}

/** What the compiler has to say about examples; empty when they are right. */
async function check(name: string, all: { code: string; ext: string }[]): Promise<string> {
  const dir = new URL(`.examples/${name}/`, here);
  mkdirSync(dir, { recursive: true });
  all.forEach(({ code, ext }, i) => {
    writeFileSync(new URL(`${i}.${ext}`, dir), code);
  });
  const paths = {
    "@hearthws/client": ["../../src/index.ts"],
    "@hearthws/client/react": ["../../src/react.ts"],
  };
  const config = { extends: "../../tsconfig.json", compilerOptions: { paths }, include: ["*"] };
  writeFileSync(new URL("tsconfig.json", dir), JSON.stringify(config));
  try {
    await promisify(execFile)("node_modules/.bin/tsc", ["-p", dir.pathname], { cwd: here });
    return "";
  } catch (error) {
    return (error as { stdout: string }).stdout;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

it("the examples of the guides compile", { timeout: 60_000 }, async () => {
  const all = guides.flatMap((guide) => examples(readFileSync(guide, "utf8")));
  expect(all.length).toBeGreaterThan(8);
  expect(await check("guides", all)).toBe("");
});

it("an example that is wrong would not", { timeout: 60_000 }, async () => {
  const code = 'import { Hearth } from "@hearthws/client";\nnew Hearth("/ws").fly();\n';
  expect(await check("wrong", [{ code, ext: "ts" }])).toMatch(/'fly' does not exist/);
});
