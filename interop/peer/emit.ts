// The original emitter as a command: reads one message a line, as JSON, and
// prints the line's number when Redis has it. REDIS is host:port.
//   { "kind": "client"|"user"|"room"|"broadcast", "target"?, "event", "data"?, "exclude"? }
import { RedisHelper, WebSocketEmitter } from '@venizia/ignis-helpers';

const [host, port] = process.env.REDIS!.split(':');
const redis: any = new RedisHelper({ name: 'emit', host, port: +port, password: '', autoConnect: true, maxRetry: -1 } as any);
const emitter: any = new WebSocketEmitter({ redisConnection: redis });
await emitter.configure();
console.log('READY', process.env.REDIS, process.pid);

let n = 0;
for await (const line of console) {
  if (!line) break; // the end of the input
  const { kind, target, event, data, exclude } = JSON.parse(line);
  if (kind === 'client') await emitter.toClient({ clientId: target, event, data });
  if (kind === 'user') await emitter.toUser({ userId: target, event, data });
  if (kind === 'room') await emitter.toRoom({ room: target, event, data, exclude });
  if (kind === 'broadcast') await emitter.broadcast({ event, data });
  console.log('EMITTED', ++n);
}
await emitter.shutdown();
process.exit(0);
