import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { peerNames } from "./peers.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The lab server's binary. */
    lab: string;
  }
}

/** Builds the lab server of this repository, once. */
export default function setup(project: TestProject): (() => void) | undefined {
  if (!peerNames.includes("hearth")) {
    project.provide("lab", "");
    return undefined;
  }
  const dir = mkdtempSync(join(tmpdir(), "hearth-lab-"));
  const lab = join(dir, "lab");
  const root = new URL("../../../..", import.meta.url);
  execFileSync("go", ["build", "-o", lab, "./internal/lab"], { cwd: root, stdio: "inherit" });
  project.provide("lab", lab);
  return () => rmSync(dir, { recursive: true });
}
