// Shows mistakes of the original, each on a server of its own, and prints what
// was seen as JSON: { "name": "what", … }. REDIS is host:port.
import { RedisHelper, WebSocketServerHelper } from '@venizia/ignis-helpers';

const [host, port] = process.env.REDIS!.split(':');
const uncaught: string[] = [];
process.on('uncaughtException', (e) => void uncaught.push(e.message));

const stops: (() => unknown)[] = [];

// serve starts a server and returns it and a way to open connections.
async function serve(options: any) {
  const redis: any = new RedisHelper({ name: 'mistakes', host, port: +port, password: '', autoConnect: true, maxRetry: -1 } as any);
  const web: any = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(), websocket: { message() {} } });
  const helper: any = new WebSocketServerHelper({ identifier: 'mistakes', server: web, redisConnection: redis, authenticateFn: () => ({ userId: 'u' }), ...options } as any);
  await helper.configure();
  web.reload({
    fetch: (req: Request, s: any) => (s.upgrade(req, { data: { clientId: new URL(req.url).searchParams.get('id') } }) ? undefined : new Response('no', { status: 500 })),
    websocket: helper.getBunWebSocketHandler(),
  });
  stops.push(() => helper.shutdown());
  const open = async (id: string) => {
    const ws: any = new WebSocket(`ws://127.0.0.1:${web.port}/ws?id=${id}`);
    const heard: any[] = [];
    ws.onmessage = (e: any) => heard.push(JSON.parse(e.data));
    ws.onclose = (e: any) => heard.push({ closed: e.code });
    await new Promise((done) => (ws.onopen = done));
    const send = (message: unknown) => ws.send(JSON.stringify(message));
    return { ws, heard, send, events: () => heard.map((m) => m.closed ?? m.event) };
  };
  return { helper, open };
}

// until waits for a condition; what is not seen then is not seen.
async function until(ok: () => boolean) {
  for (let i = 0; i < 500 && !ok(); i++) await Bun.sleep(10);
}

const authenticate = { event: 'authenticate', data: { publicKey: 'key' } };
const sealed = (data: unknown) => ({ event: 'encrypted', data });

const mistakes: Record<string, () => Promise<unknown>> = {
  'the message null': async () => {
    const { open } = await serve({});
    const a = await open('a');
    a.send(null);
    await until(() => uncaught.length > 0);
    return uncaught;
  },
  'not authenticated': async () => {
    const { helper, open } = await serve({});
    const a = await open('a');
    helper.sendToClient({ clientId: 'a', event: 'secret', data: 1 });
    await until(() => a.heard.length > 0);
    return a.events();
  },
  'handshakeFn that does not return': async () => {
    const handled: string[] = [];
    const { helper, open } = await serve({
      authTimeout: 500, requireEncryption: true, handshakeFn: () => new Promise(() => {}),
      messageHandler: ({ message }: any) => void handled.push(message.event),
    });
    const a = await open('a');
    a.send(authenticate);
    await until(() => helper.getClients({ id: 'a' })?.state === 'authenticated');
    a.send({ event: 'early' });
    await until(() => handled.length > 0);
    await Bun.sleep(2000); // more than three times the limit
    return [a.events(), handled];
  },
  'requireEncryption without handshakeFn': async () => {
    const { open } = await serve({ requireEncryption: true });
    const a = await open('a');
    a.send(authenticate);
    await until(() => a.events().includes(4004));
    return a.events();
  },
  'outboundTransformer that seals every event': async () => {
    const { open } = await serve({
      requireEncryption: true, handshakeFn: () => ({ serverPublicKey: 'key', salt: 'salt' }), outboundTransformer: () => sealed(0),
    });
    const a = await open('a');
    a.send(authenticate);
    await until(() => a.heard.length > 0);
    return a.events();
  },
  'outboundTransformer that takes different times': async () => {
    const { helper, open } = await serve({
      requireEncryption: true, handshakeFn: () => ({ serverPublicKey: 'key', salt: 'salt' }),
      outboundTransformer: async ({ event, data }: any) => {
        if (event !== 'n') return null;
        await Bun.sleep(data % 2 ? 100 : 0);
        return sealed(data);
      },
    });
    const a = await open('a');
    a.send(authenticate);
    await until(() => a.heard.length > 0);
    for (const n of [1, 2, 3, 4]) helper.sendToClient({ clientId: 'a', event: 'n', data: n });
    await until(() => a.heard.length > 4);
    return a.heard.slice(1).map((m) => m.data);
  },
  'two sockets with one id': async () => {
    const { helper, open } = await serve({});
    const first = await open('a');
    first.send(authenticate);
    await until(() => first.heard.length > 0);
    const second = await open('a');
    second.send(authenticate);
    await until(() => first.heard.length > 1);
    second.ws.close();
    await until(() => second.heard.length > 0 && !helper.getClients({ id: 'a' }));
    return [first.events(), second.events(), helper.getClients({ id: 'a' }) === undefined];
  },
};

const seen: Record<string, unknown> = {};
for (const [name, show] of Object.entries(mistakes)) seen[name] = await show();
console.log('SEEN', JSON.stringify(seen));
await Promise.all(stops.map((stop) => stop()));
process.exit(0);
