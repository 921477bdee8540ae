import { afterEach, expect, it, vi } from "vitest";
import vectors from "../../../protocol/vectors/encryption.json";
import { makeOffer, type Seal } from "../src/seal.js";

type Session = (typeof vectors.sessions)[number];

const curve = { name: "ECDH", namedCurve: "P-256" };
const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));

afterEach(() => vi.restoreAllMocks());

/** The client's end of a session, whose key is not drawn but the vector's. */
async function client(session: Session, counted = true): Promise<Seal> {
  const { d: _, ...point } = session.client;
  const pair = {
    privateKey: await crypto.subtle.importKey("jwk", session.client, curve, false, ["deriveBits"]),
    publicKey: await crypto.subtle.importKey("jwk", point, curve, true, []),
  };
  vi.spyOn(crypto.subtle, "generateKey").mockResolvedValueOnce(pair as never);
  const additionalData = "additionalData" in session ? session.additionalData : "";
  const offer = await makeOffer({ info: session.info, additionalData });
  expect(offer.ask).toEqual({ publicKey: session.clientKey, seal: 1 });
  return offer.accept({
    serverPublicKey: session.serverKey,
    salt: session.salt,
    ...(counted && { seal: { v: 1, inbound: true } }),
  });
}

it.each(vectors.sessions)("seals and opens as the vectors do: $name", async (session) => {
  const seal = await client(session);
  for (const { direction, message, sealed } of session.messages) {
    if (direction === "s2c") expect(await seal.open(sealed)).toBe(message);
    else expect(await seal.seal(message)).toBe(sealed);
  }
});

it.each(vectors.sessions)("agrees with WebCrypto alone: $name", async (session) => {
  const { subtle } = crypto;
  const own = await subtle.importKey("jwk", session.server, curve, false, ["deriveBits"]);
  const peer = await subtle.importKey("raw", bytes(session.clientKey), curve, false, []);
  const secret = await subtle.deriveBits({ name: "ECDH", public: peer }, own, 256);
  const material = await subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const info = new TextEncoder().encode(session.info);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: bytes(session.salt), info };
  const raw = await subtle.deriveBits(derivation, material, 256);
  expect(Buffer.from(raw).toString("base64")).toBe(session.key);
  const key = await subtle.importKey("raw", raw, "AES-GCM", false, ["decrypt"]);
  const additional = "additionalData" in session ? session.additionalData : "";
  for (const { message, sealed } of session.messages) {
    const { iv, ct } = JSON.parse(sealed).data;
    const opened = await subtle.decrypt(
      {
        name: "AES-GCM",
        iv: bytes(iv),
        ...(additional && { additionalData: new TextEncoder().encode(additional) }),
      },
      key,
      bytes(ct),
    );
    expect(new TextDecoder().decode(opened)).toBe(message);
  }
});

const toClient = vectors.refused.filter(({ direction }) => direction === "s2c");

it.each(toClient)("refuses $name", async ({ data, ...refused }) => {
  const session = vectors.sessions[0] as Session;
  const text = `{"event":"encrypted","data":${data}}`;
  await expect((await client(session)).open(text)).rejects.toMatchObject({ code: "seal" });
  // The client looks for repetitions, and at whose nonces these are, only where messages are counted.
  if ("onlyCounted" in refused || refused.name.includes("other direction")) return;
  await expect((await client(session, false)).open(text)).rejects.toMatchObject({ code: "seal" });
});

it.each(vectors.publicKeys)("takes for a key what is one: $name", async ({ text, valid }) => {
  const offer = await makeOffer({});
  const salt = Buffer.alloc(32).toString("base64");
  const accepted = offer.accept({ serverPublicKey: text, salt });
  if (valid) await expect(accepted).resolves.toMatchObject({ inbound: false });
  else await expect(accepted).rejects.toMatchObject({ code: "encryption-refused" });
});
