import { useEffect, useRef, useSyncExternalStore } from "react";
import type { ClientEvents, Handler, Hearth, State } from "./hearth.js";
import type { Connection } from "./session.js";

// biome-ignore lint/suspicious/noExplicitAny: a client of whatever events
type AnyHearth = Hearth<any, any>;

/** The client's state and connection; the component renders again when they change. */
export function useHearth(hearth: AnyHearth): {
  state: State;
  connection: Connection | undefined;
} {
  // A connection that was replaced between two renderings is a change as well.
  const now = () => hearth.connection ?? hearth.state;
  useSyncExternalStore((changed) => hearth.on("statechange", changed), now, now);
  return { state: hearth.state, connection: hearth.connection };
}

/** Calls the latest handler at every such event, while the component is mounted. */
export function useEvent<In extends object, K extends keyof (In & ClientEvents) & string>(
  hearth: Hearth<In, never> | Hearth<In>,
  event: K,
  handler: Handler<In, K>,
): void {
  const latest = useRef(handler);
  useEffect(() => {
    latest.current = handler;
  });
  useEffect(
    () => (hearth as Hearth<In>).on(event, (data, ...more) => latest.current(data, ...more)),
    [hearth, event],
  );
}

/** How many mounted components want a room, and whether it was joined for them. */
interface Use {
  count: number;
  joined: boolean;
}

const uses = new WeakMap<AnyHearth, Map<string, Use>>();

/**
 * In the room while this or another component that uses it is mounted. A room
 * that the application has joined by itself it does not leave.
 */
export function useRoom(hearth: AnyHearth, room: string): void {
  useEffect(() => {
    const rooms = uses.get(hearth) ?? new Map<string, Use>();
    const use = rooms.get(room) ?? { count: 0, joined: false };
    if (!use.count && !hearth.rooms.includes(room)) {
      hearth.join(room);
      use.joined = true;
    }
    use.count++;
    uses.set(hearth, rooms.set(room, use));
    return () => {
      use.count--;
      // The next page may use the room as well: a moment later it has said so.
      setTimeout(() => {
        if (use.count || rooms.get(room) !== use) return;
        rooms.delete(room);
        if (use.joined) hearth.leave(room);
      });
    };
  }, [hearth, room]);
}
