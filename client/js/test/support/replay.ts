// Replays protocol/vectors/encryption.json with this client's cryptography.
// Imports nothing of Node: browsers run it, too (playground/test/runtimes.test.ts).
import file from "../../../../protocol/vectors/encryption.json";
import { HearthError } from "../../src/errors.js";
import { type EncryptionOptions, makeOffer, type Seal } from "../../src/seal.js";

export type Vectors = typeof file;
export const vectors: Vectors = file;

type Session = Vectors["sessions"][number];

const curve = { name: "ECDH", namedCurve: "P-256" };

/** The keys that a client with this key pair agrees on with a server that answers so. */
async function agree(client: Session["client"], answer: object, options: EncryptionOptions) {
  const { subtle } = crypto;
  const { d: _, ...point } = client;
  const pair = {
    privateKey: await subtle.importKey("jwk", client, curve, false, ["deriveBits"]),
    publicKey: await subtle.importKey("jwk", point, curve, true, []),
  };
  const generate = subtle.generateKey;
  subtle.generateKey = (async () => pair) as unknown as typeof generate;
  try {
    const { ask, accept } = await makeOffer(options);
    return { ask, seal: await accept(answer) };
  } finally {
    subtle.generateKey = generate;
  }
}

function sessionOf(vector: Session, counted = true, serverPublicKey = vector.serverKey) {
  const { client, salt, info, additionalData = "" } = vector;
  const answer = { serverPublicKey, salt, ...(counted && { seal: { v: 1, inbound: true } }) };
  return agree(client, answer, { info, additionalData });
}

/** The code of the error with which something is refused; `taken` when it is not. */
async function refusal(what: Promise<unknown>): Promise<string> {
  return what.then(
    () => "taken",
    (error) => (error instanceof HearthError ? error.code : String(error)),
  );
}

/** What this client does otherwise than the vectors say; empty when all is well. */
export async function replay({ publicKeys, sessions, refused }: Vectors): Promise<string[]> {
  const wrong: string[] = [];
  const same = (name: string, got: unknown, want: unknown) => {
    if (got !== want) wrong.push(`${name}: ${got}, not ${want}`);
  };
  const first = sessions[0] as Session;

  for (const { name, text, valid } of publicKeys) {
    const got = await refusal(sessionOf(first, true, text));
    same(`public key, ${name}`, got, valid ? "taken" : "encryption-refused");
  }
  for (const vector of sessions) {
    const { ask, seal } = await sessionOf(vector);
    same(`${vector.name}, public key`, ask.publicKey, vector.clientKey);
    for (const { direction, message, sealed } of vector.messages) {
      const [got, want] =
        direction === "s2c"
          ? [await seal.open(sealed), message]
          : [await seal.seal(message), sealed];
      same(`${vector.name}, ${direction} ${message}`, got, want);
    }
  }
  for (const { name, direction, data, onlyCounted } of refused) {
    if (direction !== "s2c") continue; // the server's to refuse
    const sealed = `{"event":"encrypted","data":${data}}`;
    const open = async (counted: boolean): Promise<string> => {
      const { seal }: { seal: Seal } = await sessionOf(first, counted);
      return refusal(seal.open(sealed));
    };
    same(`counted, ${name}`, await open(true), "seal");
    same(`not counted, ${name}`, await open(false), onlyCounted ? "taken" : "seal");
  }
  return wrong;
}
