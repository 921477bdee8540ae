// A client with the original's ECDH class: authenticates with its public key,
// sends messages, and prints every message it receives, opened, one a line.
//   bun client.ts URL MESSAGES-AS-A-JSON-ARRAY COUNT
// It ends after COUNT sealed messages.
import { ECDH } from '@venizia/ignis-helpers';

const [url, messages, count] = process.argv.slice(2);
const ecdh: any = ECDH.withAlgorithm({ algorithm: 'ecdh-p256' } as any);
const pair = await ecdh.generateKeyPair();
let secret: unknown;
let sealed = 0;

const ws = new WebSocket(url);
ws.onopen = () => ws.send(JSON.stringify({ event: 'authenticate', data: { publicKey: pair.publicKeyB64 } }));
ws.onclose = (e) => {
  console.log(JSON.stringify({ closed: e.code, reason: e.reason }));
  process.exit(1);
};

async function receive(text: string) {
  const { event, data } = JSON.parse(text);
  if (event === 'encrypted') {
    console.log(await ecdh.decrypt({ message: data, secret }));
    if (++sealed === +count) process.exit(0);
    return;
  }
  if (event === 'connected') {
    const peerPublicKey = await ecdh.importPublicKey({ rawKeyB64: data.serverPublicKey });
    ({ key: secret } = await ecdh.deriveAESKey({ privateKey: pair.keyPair.privateKey, peerPublicKey, salt: data.salt }));
    for (const m of JSON.parse(messages)) ws.send(typeof m === 'string' ? m : JSON.stringify(m));
    return;
  }
  console.log('PLAIN', text);
}

// One after the other, or opened messages would overtake each other.
let turn = Promise.resolve();
ws.onmessage = (e) => (turn = turn.then(() => receive(String(e.data))));
