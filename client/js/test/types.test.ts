import { expectTypeOf, it } from "vitest";
import {
  type Connection,
  Hearth,
  type HearthError,
  type Message,
  type State,
} from "../src/index.js";
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
    hearth.on("*", (message) => expectTypeOf(message).toEqualTypeOf<Message>());
    // @ts-expect-error: the client's own events are no messages
    hearth.on("connected", (_, message) => message);
    // @ts-expect-error: nor are they here
    useEvent(hearth, "error", (_, message) => message);
    useEvent(hearth, "chat", (_, message) => expectTypeOf(message).toEqualTypeOf<Message>());
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
    hearth.on("anything", (data, message) => {
      expectTypeOf(data).toEqualTypeOf<unknown>();
      expectTypeOf(message).toEqualTypeOf<Message>();
    });
    hearth.on("statechange", (state) => expectTypeOf(state).toEqualTypeOf<State>());
    hearth.send("anything", { at: "all" });
  };
  expectTypeOf(typed).toEqualTypeOf<() => void>();
  expectTypeOf(untyped).toEqualTypeOf<() => void>();
});
