// Replays protocol/vectors/encryption.json with the original's ECDH class, and
// exchanges messages with package seal: `live` has, for each session, what that
// has sealed. Reads one JSON value and prints one.
import { ECDH } from '@venizia/ignis-helpers';

const { vectors, live } = await Bun.stdin.json();
const curve = { name: 'ECDH', namedCurve: 'P-256' };

// One end of a session: what it seals, and what it opens, or null.
async function end(s: any, own: JsonWebKey, rawKeyB64: string, salt: string) {
  const ecdh: any = ECDH.withAlgorithm({ algorithm: 'ecdh-p256', hkdfInfo: s.info });
  const privateKey = await crypto.subtle.importKey('jwk', own, curve, false, ['deriveBits']);
  const peerPublicKey = await ecdh.importPublicKey({ rawKeyB64 });
  const { key: secret } = await ecdh.deriveAESKey({ privateKey, peerPublicKey, salt });
  const opts = s.additionalData ? { additionalData: s.additionalData } : undefined;
  return {
    seal: (message: string) => ecdh.encrypt({ message, secret, opts }),
    open: (message: any): Promise<string | null> => ecdh.decrypt({ message, secret, opts }).catch(() => null),
  };
}

const data = (sealed: string) => JSON.parse(sealed).data;

const sessions = await Promise.all(
  vectors.sessions.map(async (s: any, i: number) => {
    const client = await end(s, s.client, s.serverKey, s.salt);
    const server = await end(s, s.server, s.clientKey, s.salt);
    const goServer = await end(s, s.client, s.serverKey, live[i].salt); // with package seal at the other end
    const goClient = await end(s, s.server, live[i].publicKey, s.salt);
    return {
      messages: await Promise.all(
        s.messages.map(async ({ direction, message, sealed }: any) => {
          const [from, to] = direction === 's2c' ? [server, client] : [client, server];
          return {
            opened: [await client.open(data(sealed)), await server.open(data(sealed)), await client.open(data(sealed))],
            resealed: await to.open(await from.seal(message)),
            toGo: await (direction === 's2c' ? goClient : goServer).seal(message),
          };
        }),
      ),
      fromGo: await Promise.all(live[i].sealed.map((text: string) => goServer.open(data(text)))),
    };
  }),
);

const [first] = vectors.sessions;
const receivers: any = {
  s2c: await end(first, first.client, first.serverKey, first.salt),
  c2s: await end(first, first.server, first.clientKey, first.salt),
};
const refused: any = {};
for (const r of vectors.refused) refused[r.name] = await receivers[r.direction].open(JSON.parse(r.data));

const keys: any = {};
for (const { name, text } of vectors.publicKeys) {
  keys[name] = await end(first, first.client, text, first.salt).then(() => true, () => false);
}
console.log(JSON.stringify({ sessions, refused, keys }));
