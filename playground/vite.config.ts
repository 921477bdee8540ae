import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const client = (file: string) =>
  fileURLToPath(new URL(`../client/js/src/${file}`, import.meta.url));

/**
 * Two builds into one folder: the page, and with `--mode client` the client's
 * single file. Names carry hashes of the content, so a rebuild of the same
 * sources is the same to the byte, which `npm run check` verifies.
 */
export default defineConfig(({ mode }) => ({
  resolve: { alias: { "@hearthws/client": client("index.ts") } },
  // What `npm run dev` needs: a server started with `hearth serve --demo`.
  server: { proxy: { "/ws": { target: "ws://127.0.0.1:8080", ws: true } } },
  publicDir: mode === "client" ? false : "public",
  build:
    mode === "client"
      ? {
          target: "es2022",
          emptyOutDir: false,
          lib: {
            entry: client("global.ts"),
            formats: ["iife"],
            name: "_",
            fileName: () => "client.js",
          },
        }
      : {
          target: "es2022",
          cssTarget: ["chrome123", "firefox120", "safari17.5"], // light-dark()
          // One script and one style sheet: nothing to preload, nothing inlined that the CSP forbids.
          modulePreload: false,
          assetsInlineLimit: 0,
        },
}));
