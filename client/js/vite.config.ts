import { defineConfig } from "vite";

/** Two builds: modules (for bundlers, not minified), and one file for a script tag (`--mode global`). */
export default defineConfig(({ mode }) => ({
  build: {
    target: "es2022",
    minify: mode === "global",
    emptyOutDir: mode !== "global",
    lib:
      mode === "global"
        ? {
            entry: "src/global.ts",
            formats: ["iife"],
            name: "_",
            fileName: () => "hearth.global.js",
          }
        : { entry: { index: "src/index.ts", react: "src/react.ts" }, formats: ["es"] },
    rolldownOptions: { external: ["react"] },
  },
}));
