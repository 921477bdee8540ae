// A program as a user writes it, run by Node and by Bun with the package
// installed. Connects to the address given, in a room; then answers each line
// on standard input: "ask" with what the server knows of it, "end" with
// nothing: it disconnects, and has to end by itself, since nothing is left to wait for.
import { createInterface } from "node:readline";
import { CloseCode, Hearth, HearthError } from "@hearthws/client";

const say = (what) => console.log(JSON.stringify(what));
const ws = globalThis.WebSocket ? {} : { WebSocket: (await import("ws")).WebSocket };
const hearth = new Hearth(process.argv[2], {
  ...ws,
  token: async () => ({ userId: "program" }),
  backoff: { base: 20, cap: 100 },
  ...JSON.parse(process.argv[3] ?? "{}"),
});
hearth.on("connected", ({ userId, encrypted }) => say({ connected: userId, encrypted }));
hearth.on("whoami", ({ userId, rooms }) => say({ userId, rooms: rooms.includes("lobby") }));
hearth.join("lobby");
hearth.connect();

try {
  new Hearth("nowhere");
} catch (error) {
  say({ usage: error instanceof HearthError && error.code, code: CloseCode.AuthTimeout });
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  if (line === "ask") hearth.send("whoami");
  if (line !== "end") return;
  hearth.disconnect();
  lines.close();
  process.stdin.destroy();
});
