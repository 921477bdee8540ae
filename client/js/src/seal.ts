import { decode, encode, encoder } from "./bytes.js";
import { HearthError } from "./errors.js";

/** How messages are sealed; see docs/client.md for what this protects from. */
export interface EncryptionOptions {
  /**
   * The server's public key, or those it may have: raw uncompressed P-256
   * (65 bytes) in standard base64. Without it, whoever sits in the middle of
   * a connection without TLS can put in a key of their own.
   */
  serverKey?: string | readonly string[];
  /** Info string of the key derivation. Default: "ignis-ecdh-p256-aes-256-gcm-v1". */
  info?: string;
  /** Authenticated with every message and sent with none; the server's must be the same. Default: none. */
  additionalData?: string;
  /**
   * Refuse a server that does not count its messages and open sealed ones.
   * Default: true with serverKey, since somebody in the middle could take the
   * offer out; false without, so that the original's server works too.
   */
  strict?: boolean;
}

/** What `connected` says about encryption (PROTOCOL.md, "Encryption"). */
interface Answer {
  serverPublicKey?: unknown;
  salt?: unknown;
  seal?: { v?: unknown; inbound?: unknown };
}

const curve = { name: "ECDH", namedCurve: "P-256" };
const cipher = "AES-GCM";
const keyBytes = 65;
const saltBytes = 32;
const tagBytes = 16;
/** How the IVs of this side begin, in base64: nobody may send its messages back. */
const ownDirection = "YzJzAA";
const defaultInfo = "ignis-ecdh-p256-aes-256-gcm-v1";
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A key pair for one connection: what it asks of the server, and what to do with the answer. */
export interface Offer {
  /** Members of `authenticate`. */
  ask: { publicKey: string; seal: 1; serverKeys?: readonly string[] };
  /** The keys of the session. Errors: HearthError `encryption-refused` or `server-key`. */
  accept(answer: Answer): Promise<Seal>;
}

/** Errors: HearthError `insecure-context`. */
export async function makeOffer(options: EncryptionOptions): Promise<Offer> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) {
    throw new HearthError(
      "insecure-context",
      "Encryption needs crypto.subtle: open the page by https:// or from localhost, or leave the option `encryption` out.",
    );
  }
  const { privateKey, publicKey } = await subtle.generateKey(curve, false, ["deriveBits"]);
  const { serverKey } = options;
  return {
    ask: {
      publicKey: encode(new Uint8Array(await subtle.exportKey("raw", publicKey))),
      seal: 1,
      // A server whose key is being replaced has several, and chooses.
      ...(serverKey !== undefined && { serverKeys: [serverKey].flat() }),
    },
    accept: (answer) => accept(answer, privateKey, options),
  };
}

async function accept(
  { serverPublicKey, salt: saltText, seal }: Answer,
  privateKey: CryptoKey,
  {
    serverKey,
    info = defaultInfo,
    additionalData = "",
    strict = serverKey !== undefined,
  }: EncryptionOptions,
): Promise<Seal> {
  if (serverPublicKey === undefined) {
    throw refused("The server offers no encryption. Turn it on there");
  }
  const publicKey = decode(serverPublicKey);
  const salt = decode(saltText);
  // Node takes hybrid points as well, which begin with 6 or 7.
  if (publicKey?.length !== keyBytes || publicKey[0] !== 4 || salt?.length !== saltBytes) {
    throw foreign();
  }
  if (serverKey !== undefined && ![serverKey].flat().includes(encode(publicKey))) {
    throw new HearthError(
      "server-key",
      "The server's key is not the pinned one: it was changed, or somebody is in the middle. Compare `encryption.serverKey`.",
    );
  }
  if (seal ? seal.v !== 1 || (strict && !seal.inbound) : strict) {
    throw refused("The server does not count its messages, or opens no sealed ones. Update it");
  }
  const key = await derive(privateKey, publicKey, salt, info).catch((cause) => {
    throw foreign(cause);
  });
  return new Seal(key, encoder.encode(additionalData), seal !== undefined, Boolean(seal?.inbound));
}

async function derive(
  privateKey: CryptoKey,
  serverKey: Uint8Array<ArrayBuffer>,
  salt: Uint8Array<ArrayBuffer>,
  info: string,
): Promise<CryptoKey> {
  const { subtle } = crypto;
  const peer = await subtle.importKey("raw", serverKey, curve, false, []);
  const secret = await subtle.deriveBits({ name: "ECDH", public: peer }, privateKey, 256);
  const material = await subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  return subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt, info: encoder.encode(info) },
    material,
    { name: cipher, length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
}

/** Opens and seals the messages of one connection. Calls must follow the order of the messages. */
export class Seal {
  /** Whether the server opens sealed messages; otherwise this side sends plain ones. */
  readonly inbound: boolean;
  readonly #key: CryptoKey;
  readonly #additionalData: Uint8Array<ArrayBuffer>;
  readonly #incoming: Counter | undefined;
  readonly #outgoing = new Counter("c2s");

  constructor(
    key: CryptoKey,
    additionalData: Uint8Array<ArrayBuffer>,
    counted: boolean,
    inbound: boolean,
  ) {
    this.#key = key;
    this.#additionalData = additionalData;
    this.#incoming = counted ? new Counter("s2c") : undefined;
    this.inbound = inbound;
  }

  /**
   * The message inside a sealed one. Where IVs are counted, only the very next
   * is taken: a connection loses and repeats nothing, so a gap is an attack.
   * Errors: HearthError `seal`; the connection is of no use after it.
   */
  async open(text: unknown): Promise<string> {
    const { iv: ivText, ct: ctText } = envelope(text);
    const iv = decode(ivText);
    const ct = decode(ctText);
    if (iv?.length !== 12 || !ct || ct.length < tagBytes) throw broken("is not whole");
    const isNext = this.#incoming
      ? ivText === encode(this.#incoming.next())
      : !(ivText as string).startsWith(ownDirection);
    if (!isNext) throw broken("is not the next");
    try {
      return decoder.decode(await crypto.subtle.decrypt(this.#with(iv), this.#key, ct));
    } catch (cause) {
      throw broken("is not the server's", cause);
    }
  }

  async seal(text: string): Promise<string> {
    const iv = this.#outgoing.next();
    const plain = encoder.encode(text);
    const ct = await crypto.subtle.encrypt(this.#with(iv), this.#key, plain);
    const data = { iv: encode(iv), ct: encode(new Uint8Array(ct)) };
    return JSON.stringify({ event: "encrypted", data });
  }

  #with(iv: Uint8Array<ArrayBuffer>): AesGcmParams {
    return { name: cipher, iv, additionalData: this.#additionalData };
  }
}

/** IVs of one direction: its name and a zero byte, then 8 bytes counting up from 0, big-endian. */
class Counter {
  readonly #direction: string;
  #count = 0n;

  constructor(direction: "s2c" | "c2s") {
    this.#direction = direction;
  }

  next(): Uint8Array<ArrayBuffer> {
    const iv = new Uint8Array(12);
    encoder.encodeInto(this.#direction, iv);
    new DataView(iv.buffer).setBigUint64(4, this.#count++);
    return iv;
  }
}

function envelope(text: unknown): { iv?: unknown; ct?: unknown } {
  try {
    const message = JSON.parse(text as string);
    if (message.event === "encrypted" && message.data) return message.data;
  } catch {}
  throw broken("is none");
}

function refused(what: string, cause?: unknown): HearthError {
  return new HearthError("encryption-refused", `${what}, or leave the option \`encryption\` out.`, {
    cause,
  });
}

function foreign(cause?: unknown): HearthError {
  return refused("The server's key or salt is not of this scheme. Use package seal there", cause);
}

function broken(how: string, cause?: unknown): HearthError {
  return new HearthError(
    "seal",
    `A sealed message ${how}: forged, damaged, repeated, or others are missing.`,
    { cause },
  );
}
