import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { runInNewContext } from "node:vm";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { bun, freePort, type Server, startServer } from "./peers/peers.js";

const run = promisify(execFile);
const here = fileURLToPath(new URL("../", import.meta.url));

/** A project that has the package installed, as npm would publish it. */
const project = join(inject("scratch"), "project");
const installed = join(project, "node_modules/@hearthws/client");

beforeAll(async () => {
  mkdirSync(installed, { recursive: true });
  const { stdout } = await run("npm", ["pack", "--json", "--pack-destination", project], {
    cwd: here,
  });
  const tarball = join(project, JSON.parse(stdout.slice(stdout.indexOf("[\n")))[0].filename);
  await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", installed]);
  for (const name of ["ws", "react", "@types"]) {
    symlinkSync(join(here, "node_modules", name), join(project, "node_modules", name));
  }
  writeFileSync(join(project, "package.json"), '{"type": "module"}');
}, 60_000);

it("holds what is needed, and needs nothing", () => {
  expect(readdirSync(installed).sort()).toEqual(["LICENSE", "README.md", "dist", "package.json"]);
  const manifest = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  expect(manifest.dependencies).toBeUndefined();
  const imports = (file: string) =>
    [...readFileSync(join(installed, "dist", file), "utf8").matchAll(/\bfrom "([^"]+)"/g)].map(
      ([, name]) => name,
    );
  expect(imports("index.js")).toEqual([]);
  expect(imports("react.js")).toEqual(["react"]);
  expect(imports("hearth.global.js")).toEqual([]);
});

it("is one class in a script tag, with the rest on it", () => {
  const page: Record<string, unknown> = { URL, TextEncoder, TextDecoder, location: undefined };
  runInNewContext(readFileSync(join(installed, "dist/hearth.global.js"), "utf8"), page);
  const { Hearth } = page as { Hearth: typeof import("../src/index.js").Hearth };
  expect(new Hearth("ws://localhost/ws").state).toBe("disconnected");
  expect({ ...Hearth }).toMatchObject({
    CloseCode: { Policy: 1008 },
    HearthError: expect.any(Function),
  });
});

it.each(["node16", "bundler"])("has types, resolved as %s does", async (moduleResolution) => {
  const code = `import { Hearth, type Connection } from "@hearthws/client";
    import { useHearth } from "@hearthws/client/react";
    const hearth = new Hearth<{ n: number }>("/ws");
    hearth.on("n", (n) => n.toFixed());
    // @ts-expect-error: n is a number
    hearth.on("n", (n: string) => n);
    export const connection: Connection | undefined = useHearth(hearth).connection;`;
  writeFileSync(join(project, "types.ts"), code);
  const flags = {
    strict: true,
    noEmit: true,
    target: "es2022",
    lib: ["es2022", "dom"],
    types: [],
    module: moduleResolution === "bundler" ? "esnext" : "node16",
    moduleResolution,
  };
  const config = { compilerOptions: flags, files: ["types.ts"] };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(config));
  const { stdout } = await run(join(here, "node_modules/.bin/tsc"), ["-p", project]).catch(
    (e) => e,
  );
  expect(stdout).toBe("");
});

describe.each([
  ["Node", process.execPath],
  ["Bun", bun],
])("a program on %s", (_, runtime) => {
  it("connects, comes back to its room, and ends when it has disconnected", async () => {
    const start = { port: await freePort(), redisPort: 0 };
    let server: Server = await startServer("hearth", start);
    const program = spawnProgram(runtime, server.url);
    expect(await program.next()).toEqual({ usage: "usage", code: 4001 });
    for (let life = 0; life < 3; life++) {
      expect(await program.next()).toEqual({ connected: "program", encrypted: false });
      program.child.stdin.write("ask\n");
      expect(await program.next()).toEqual({ userId: "program", rooms: true });
      if (life === 2) break;
      await (life ? server.stop() : server.kill());
      server = await startServer("hearth", start);
    }
    program.child.stdin.write("end\n");
    expect(await once(program.child, "exit")).toEqual([0, null]);
    expect(program.errors).toEqual([]);
    await server.kill();
  }, 30_000);
});

/** Starts support/program.mjs; next is what it says next. */
function spawnProgram(runtime: string, ...args: string[]) {
  const script = join(project, "program.mjs");
  writeFileSync(script, readFileSync(join(here, "test/support/program.mjs")));
  const child: ChildProcessWithoutNullStreams = spawn(runtime, [script, ...args], { cwd: project });
  const errors: string[] = [];
  child.stderr.on("data", (text) => errors.push(String(text)));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`it ended: ${errors.join("")}`);
    return JSON.parse(value);
  };
  return { child, errors, next };
}
