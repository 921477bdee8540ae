// Rebuilds into another folder: what is committed in dist/ must be the same to the byte.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const files = (dir) =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();

const fresh = mkdtempSync(join(tmpdir(), "hearth-playground-"));
try {
  for (const mode of ["production", "client"]) {
    const args = ["build", "--mode", mode, "--outDir", fresh, "--logLevel", "warn"];
    if (mode === "production") args.push("--emptyOutDir");
    execFileSync("node_modules/.bin/vite", args, { stdio: "inherit" });
  }
  const all = [...new Set([...files("dist"), ...files(fresh)])];
  const read = (dir, file) => {
    try {
      return readFileSync(join(dir, file));
    } catch {
      return undefined;
    }
  };
  const changed = all.filter((file) => {
    const [old, now] = [read("dist", file), read(fresh, file)];
    return !old || !now || !old.equals(now);
  });
  if (changed.length) {
    console.error(
      `dist/ is not what the sources make. Run npm run build. Different: ${changed.join(", ")}`,
    );
    process.exitCode = 1;
  } else {
    console.log(`dist/ is what the sources make: ${all.length} files`);
  }
} finally {
  rmSync(fresh, { recursive: true });
}
