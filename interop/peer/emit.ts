// The original emitter as a command, one message:
// REDIS is host:port.
//   bun emit.ts client|user|room|broadcast TARGET EVENT JSON [EXCLUDE,…]
import { RedisHelper, WebSocketEmitter } from '@venizia/ignis-helpers';

const [kind, target, event, json, exclude] = process.argv.slice(2);
const [host, port] = process.env.REDIS!.split(':');
const redis: any = new RedisHelper({ name: 'emit', host, port: +port, password: '', autoConnect: true, maxRetry: -1 } as any);
const emitter: any = new WebSocketEmitter({ redisConnection: redis });
await emitter.configure();
const data = json === undefined ? undefined : JSON.parse(json);
if (kind === 'client') await emitter.toClient({ clientId: target, event, data });
if (kind === 'user') await emitter.toUser({ userId: target, event, data });
if (kind === 'room') await emitter.toRoom({ room: target, event, data, exclude: exclude?.split(',') });
if (kind === 'broadcast') await emitter.broadcast({ event, data });
await emitter.shutdown();
process.exit(0);
