import { expect, it, vi } from "vitest";
import { connected, FakeSocket, fakeClient, useFakes } from "./support/fake.js";

useFakes();

const beat = { event: "heartbeat" };
/** A second authenticate: answered by every server, with an error and nothing else. */
const question = { event: "authenticate" };
const answer = { event: "error", data: { message: "Already authenticated" } };

it("beats every 30 s, from connected on, while the server is heard", async () => {
  const hearth = fakeClient();
  const socket = await connected(hearth);
  for (let i = 0; i < 3; i++) {
    socket.receive({ event: "news" });
    await vi.advanceTimersByTimeAsync(30_000);
  }
  expect(socket.messages.slice(1)).toEqual([beat, beat, beat]);
  hearth.disconnect();
  await vi.advanceTimersByTimeAsync(90_000);
  expect(socket.messages).toHaveLength(4);
});

it("asks a silent server whether it is there, and keeps the answer to itself", async () => {
  const hearth = fakeClient();
  const told = vi.fn();
  const socket = await connected(hearth);
  hearth.on("error", told);
  hearth.on("*", told);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(socket.messages.slice(1)).toEqual([beat, question]);
  await vi.advanceTimersByTimeAsync(9_999);
  socket.receive(answer);
  await vi.advanceTimersByTimeAsync(20_001);
  expect(hearth.state).toBe("connected");
  expect(told).not.toHaveBeenCalled();
  socket.receive(answer); // nobody asked
  expect(told).toHaveBeenCalledTimes(2);
  hearth.disconnect();
});

it("leaves a server that does not answer, at once, and comes back", async () => {
  const hearth = fakeClient({ heartbeat: { interval: 1000, timeout: 200 } });
  const socket = await connected(hearth);
  const errors: unknown[] = [];
  hearth.on("connecting", ({ error }) => errors.push(error?.code));
  await vi.advanceTimersByTimeAsync(2200);
  expect(errors).toEqual(["silent"]);
  expect(socket.closed).toEqual({ code: 4900, reason: "silent" });
  await vi.advanceTimersByTimeAsync(2000);
  expect(FakeSocket.all).toHaveLength(2);
  hearth.disconnect();
});

it("takes anything for an answer", async () => {
  const hearth = fakeClient({ heartbeat: { interval: 1000, timeout: 200 } });
  const socket = await connected(hearth);
  await vi.advanceTimersByTimeAsync(2000);
  expect(socket.messages.at(-1)).toEqual(question);
  socket.receive("noise");
  await vi.advanceTimersByTimeAsync(500);
  expect(hearth.state).toBe("connected");
  hearth.disconnect();
});

it("asks when the network is back, once at a time", async () => {
  const window = new EventTarget();
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
  vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
  const hearth = fakeClient();
  const socket = await connected(hearth);
  window.dispatchEvent(new Event("online"));
  window.dispatchEvent(new Event("online"));
  expect(socket.messages.slice(1)).toEqual([question]);
  socket.receive(answer);
  window.dispatchEvent(new Event("online"));
  expect(socket.messages.slice(1)).toEqual([question, question]);
  hearth.disconnect();
  expect(vi.getTimerCount()).toBe(0);
});
