// @vitest-environment happy-dom
import { act, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Hearth } from "../src/index.js";
import { useEvent, useHearth, useRoom } from "../src/react.js";
import { connected, FakeSocket, fakeClient, useFakes } from "./support/fake.js";

interface FromServer {
  chat: { text: string };
}

useFakes();

let root: Root;
let page: HTMLElement;

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  page = document.createElement("div");
  root = createRoot(page);
});
afterEach(() => act(() => root.unmount()));

it("renders again when the state changes", async () => {
  const hearth = fakeClient();
  function Status() {
    const { state, connection } = useHearth(hearth);
    return `${state} ${connection?.id}`;
  }
  await act(() => root.render(<Status />));
  expect(page.textContent).toBe("disconnected undefined");
  await act(async () => void (await connected(hearth)));
  expect(page.textContent).toBe("connected c1");
  await act(async () => FakeSocket.last.drop());
  expect(page.textContent).toBe("connecting undefined");
  await act(async () => {
    await connected(hearth);
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(5000);
    FakeSocket.last.greet({ id: "c2" });
  });
  expect(page.textContent).toBe("connected c2");
  await act(async () => {
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(5000);
    FakeSocket.last.greet({ id: "c3" });
  });
  expect(page.textContent).toBe("connected c3");
  await act(async () => hearth.disconnect());
  expect(page.textContent).toBe("disconnected undefined");
});

it("calls the latest handler, once, and none after the component is gone", async () => {
  const hearth = fakeClient<FromServer>();
  const got: string[] = [];
  function Chat({ prefix }: { prefix: string }) {
    useEvent(hearth, "chat", ({ text }) => got.push(prefix + text));
    return null;
  }
  const render = (prefix: string) =>
    act(() =>
      root.render(
        <StrictMode>
          <Chat prefix={prefix} />
        </StrictMode>,
      ),
    );
  const socket = await connected(hearth);
  await render("a:");
  socket.receive({ event: "chat", data: { text: "1" } });
  await render("b:");
  socket.receive({ event: "chat", data: { text: "2" } });
  await act(() => root.render(null));
  socket.receive({ event: "chat", data: { text: "3" } });
  expect(got).toEqual(["a:1", "b:2"]);
  hearth.disconnect();
});

it("is in a room while any component wants it, without leaving between two pages", async () => {
  const hearth = fakeClient();
  function Room({ room, client = hearth }: { room: string; client?: Hearth }) {
    useRoom(client, room);
    return null;
  }
  const socket = await connected(hearth);
  const asked = () =>
    socket.messages.slice(1).map((m) => [m.event, ...(m.data as { rooms: string[] }).rooms]);
  const render = async (...keys: string[]) => {
    await act(() => root.render(keys.map((key) => <Room key={key} room={key.charAt(0)} />)));
    await act(() => vi.advanceTimersByTimeAsync(1));
  };
  await render("a1", "a2");
  expect(asked()).toEqual([["join", "a"]]);
  await render("a2");
  await render("a3");
  expect(asked()).toEqual([["join", "a"]]);
  await render("b1");
  expect(asked().slice(1)).toEqual([
    ["join", "b"],
    ["leave", "a"],
  ]);
  await render();
  expect(hearth.rooms).toEqual([]);
  hearth.disconnect();
});

it("leaves no room that the application has joined by itself", async () => {
  const hearth = fakeClient();
  function Rooms({ rooms }: { rooms: string }) {
    return [...rooms].map((room) => <One key={room} room={room} />);
  }
  function One({ room }: { room: string }) {
    useRoom(hearth, room);
    return null;
  }
  const render = async (rooms: string) => {
    await act(() =>
      root.render(
        <StrictMode>
          <Rooms rooms={rooms} />
        </StrictMode>,
      ),
    );
    await act(() => vi.advanceTimersByTimeAsync(1));
  };
  hearth.join("a");
  await render("ab");
  expect(hearth.rooms).toEqual(["a", "b"]);
  await render("");
  expect(hearth.rooms).toEqual(["a"]);
  hearth.leave("a");
  await render("a");
  await render("");
  expect(hearth.rooms).toEqual([]);
});
