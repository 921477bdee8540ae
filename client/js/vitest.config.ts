import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.{ts,tsx}"],
    globalSetup: "test/peers/setup.ts",
    restoreMocks: true,
    // On a busy machine a handshake may take seconds. Nothing waits for these to pass.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
