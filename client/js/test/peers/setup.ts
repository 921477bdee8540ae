import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { bun } from "./peers.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The lab server's binary. */
    lab: string;
    /** The program of this repository, `hearth`. */
    hearth: string;
    /** A directory for files that nobody needs. */
    scratch: string;
  }
}

/** Builds the servers of this repository, once. */
export default function setup(project: TestProject): () => void {
  if (!existsSync(bun)) throw new Error("Bun and the original are missing: run make interop-deps");
  const scratch = mkdtempSync(join(tmpdir(), "hearth-client-"));
  const root = new URL("../../../..", import.meta.url);
  const flags = ["build", "-o", scratch, "./internal/lab", "./cmd/hearth"];
  execFileSync("go", flags, { cwd: root, stdio: "inherit" });
  project.provide("lab", join(scratch, "lab"));
  project.provide("hearth", join(scratch, "hearth"));
  project.provide("scratch", scratch);
  return () => rmSync(scratch, { recursive: true });
}
