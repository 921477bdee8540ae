// Bun's own publish, and nothing around it: `bun bun.ts`, on PORT.
type Request = { event: string; data: any };

const ROOM = 'room';
const answers: Record<string, (ws: any, data: any) => void> = {
  authenticate: (ws) => ws.send('{"event":"connected","data":{"id":"peer"}}'),
  join: (ws) => ws.subscribe(ROOM),
  pub: (_, data) => server.publish(ROOM, JSON.stringify({ event: 'msg', data: data.body })),
  echo: (ws, data) => ws.send(JSON.stringify({ event: 'echo', data })),
  heartbeat: () => {},
};

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env.PORT ?? 0),
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response(null, { status: 404 })),
  websocket: {
    message(ws, text) {
      const { event, data }: Request = JSON.parse(String(text));
      answers[event]?.(ws, data);
    },
  },
});
console.log('READY', `127.0.0.1:${server.port}`, process.pid);
