import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The hearth binary, with what is in dist/ now. */
    hearth: string;
  }
}

/** Builds the binary, once. HEARTH_BIN names one that is there already. */
export default function setup(project: TestProject): () => void {
  mkdirSync(new URL("artifacts/", import.meta.url), { recursive: true });
  const dir = mkdtempSync(join(tmpdir(), "hearth-playground-"));
  const hearth = process.env.HEARTH_BIN ?? join(dir, "hearth");
  if (!process.env.HEARTH_BIN) {
    const root = new URL("../..", import.meta.url);
    execFileSync("go", ["build", "-o", hearth, "./cmd/hearth"], { cwd: root, stdio: "inherit" });
  }
  project.provide("hearth", hearth);
  return () => rmSync(dir, { recursive: true });
}
