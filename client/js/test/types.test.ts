import { expectTypeOf, it } from "vitest";
import { type Connection, Hearth, type HearthError, type Message } from "../src/index.js";
import { useEvent } from "../src/react.js";

interface FromServer {
  chat: { from: string; text: string };
  count: number;
}

interface ToServer {
  say: { text: string };
  ping: undefined;
  maybe: string | undefined;
}

// What does not compile fails `tsc`, in npm run lint; nothing here has to run.
it("events have the types they were given", () => {
  const typed = () => {
    const hearth = new Hearth<FromServer, ToServer>("/ws");
    hearth.on("chat", (data, message) => {
      expectTypeOf(data).toEqualTypeOf<{ from: string; text: string }>();
      expectTypeOf(message).toEqualTypeOf<Message>();
    });
    hearth.once("count", (n) => expectTypeOf(n).toEqualTypeOf<number>());
    hearth.on("connected", (c) => expectTypeOf(c).toEqualTypeOf<Connection>());
    hearth.on("error", (e) => expectTypeOf(e).toEqualTypeOf<HearthError>());
    useEvent(hearth, "count", (n) => expectTypeOf(n).toEqualTypeOf<number>());
    // @ts-expect-error: no such event
    hearth.on("chatt", () => {});
    // @ts-expect-error: a handler of another type
    hearth.off("count", (text: string) => text);
    hearth.send("say", { text: "hello" });
    hearth.send("ping");
    hearth.send("maybe");
    // @ts-expect-error: no such message
    hearth.send("shout", { text: "hello" });
    // @ts-expect-error: say has data
    hearth.send("say");
    // @ts-expect-error: of another type
    hearth.send("say", { text: 1 });
  };
  const untyped = () => {
    const hearth = new Hearth("/ws");
    hearth.on("anything", (data) => expectTypeOf(data).toEqualTypeOf<unknown>());
    hearth.send("anything", { at: "all" });
  };
  expectTypeOf(typed).toEqualTypeOf<() => void>();
  expectTypeOf(untyped).toEqualTypeOf<() => void>();
});
