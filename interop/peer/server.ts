// The original helper on Bun, with the hooks of the lab server (internal/lab),
// so that the same plays run on both.
//
// SERVERS is a JSON array, one entry for each server of this process:
//   { redis: 'host:port', port? (0: a free one), authTimeout?, heartbeatInterval?, heartbeatTimeout? (ms),
//     idleTimeout? (s), perMessageDeflate?, backpressureLimit?, closeOnBackpressureLimit?, seal? }
// Prints `READY ADDR PID` for each, in order. SIGTERM shuts all of them down.
import { ECDH, RedisHelper, WebSocketEmitter, WebSocketServerHelper } from '@venizia/ignis-helpers';

const ecdh: any = ECDH.withAlgorithm({ algorithm: 'ecdh-p256' } as any);

// Keys on demand: the hooks that make a server demand encryption.
async function sealing() {
  const pair = await ecdh.generateKeyPair();
  const keys = new Map<string, unknown>();
  return {
    requireEncryption: true,
    handshakeFn: async ({ clientId, data }: any) => {
      if (!data?.publicKey) return null;
      const peerPublicKey = await ecdh.importPublicKey({ rawKeyB64: data.publicKey });
      const { key, salt } = await ecdh.deriveAESKey({ privateKey: pair.keyPair.privateKey, peerPublicKey });
      keys.set(clientId, key);
      return { serverPublicKey: pair.publicKeyB64, salt };
    },
    outboundTransformer: async ({ client, event, data }: any) => {
      const secret = keys.get(client.id);
      if (!secret || event === 'connected') return null;
      return { event: 'encrypted', data: await ecdh.encrypt({ message: JSON.stringify({ event, data }), secret }) };
    },
    clientDisconnectedFn: ({ clientId }: any) => void keys.delete(clientId),
  };
}

async function start(options: any) {
  // Without maxRetry -1 the original never comes back after Redis was away.
  const redis: any = new RedisHelper({ name: 'lab', host: options.redis.split(':')[0], port: +options.redis.split(':')[1], password: '', autoConnect: true, maxRetry: -1 } as any);
  const server: any = Bun.serve({ port: options.port ?? 0, hostname: '127.0.0.1', fetch: () => new Response('starting'), websocket: { message() {} } });
  const emitter: any = new WebSocketEmitter({ identifier: 'lab-emitter', redisConnection: redis });
  const helper: any = new WebSocketServerHelper({
    identifier: 'lab', server, redisConnection: redis,
    authTimeout: options.authTimeout, heartbeatInterval: options.heartbeatInterval, heartbeatTimeout: options.heartbeatTimeout,
    serverOptions: {
      ...(options.idleTimeout && { idleTimeout: options.idleTimeout }),
      ...(options.perMessageDeflate && { perMessageDeflate: true }),
      ...(options.backpressureLimit && { backpressureLimit: options.backpressureLimit }),
      ...(options.closeOnBackpressureLimit && { closeOnBackpressureLimit: true }),
    },
    authenticateFn: async (d: any) => {
      if (d?.token === 'bad') return null;
      if (d?.token === 'throw') throw new Error('asked to');
      if (typeof d?.token === 'string' && d.token.startsWith('slow:')) await Bun.sleep(+d.token.slice(5));
      return { userId: d?.userId ?? 'u', metadata: { a: 1 } };
    },
    validateRoomFn: ({ rooms }: any) => {
      if (rooms.includes('throw')) throw new Error('asked to');
      return rooms.filter((r: string) => !r.startsWith('secret'));
    },
    messageHandler: async ({ clientId, message: { event, data } }: any) => {
      const d = data ?? {};
      const c = helper.getClients({ id: clientId });
      switch (event) {
        case 'echo': return helper.sendToClient({ clientId, event: 'echo', data });
        case 'pub': return helper.send({ destination: d.room, payload: { topic: 'msg', data: d.body } });
        case 'bcast': return helper.send({ payload: { topic: 'msg', data: d.body } });
        case 'local': return helper.sendToRoom({ room: d.room, event: 'msg', data: d.body, exclude: d.exclude });
        case 'user': return emitter.toUser({ userId: d.userId, event: 'msg', data: d.body });
        case 'client': return emitter.toClient({ clientId: d.id, event: 'msg', data: d.body });
        case 'room': return emitter.toRoom({ room: d.room, event: 'msg', data: d.body, exclude: d.exclude });
        case 'all': return emitter.broadcast({ event: 'msg', data: d.body });
        case 'kick': return helper.getClients({ id: d.id })?.socket.close(d.code, d.reason);
        case 'enter': return helper.joinRoom({ clientId, room: d.room });
        case 'exit': return helper.leaveRoom({ clientId, room: d.room });
        case 'whoami': return helper.sendToClient({ clientId, event: 'whoami', data: { id: c.id, userId: c.userId, rooms: [...c.rooms].sort(), state: c.state, encrypted: c.encrypted, backpressured: c.backpressured, metadata: c.metadata } });
        case 'panic': throw new Error('asked to');
        case 'sleep': await Bun.sleep(d.ms); return helper.sendToClient({ clientId, event: 'slept', data: null });
      }
    },
    ...(options.seal && await sealing()),
  } as any);
  await Promise.all([helper.configure(), emitter.configure()]);
  server.reload({
    fetch(req: Request, s: any) {
      if (new URL(req.url).pathname !== '/ws') return new Response('not here', { status: 404 });
      return s.upgrade(req, { data: { clientId: crypto.randomUUID() } }) ? undefined : new Response('upgrade failed', { status: 500 });
    },
    websocket: helper.getBunWebSocketHandler(),
  });
  return { address: `127.0.0.1:${server.port}`, stop: () => Promise.all([helper.shutdown(), emitter.shutdown()]) };
}

const servers = await Promise.all(JSON.parse(process.env.SERVERS!).map(start));
for (const s of servers as any[]) console.log('READY', s.address, process.pid);
process.on('SIGTERM', async () => {
  await Promise.all((servers as any[]).map((s) => s.stop()));
  process.exit(0);
});
