import { createCipheriv, createDecipheriv, createECDH, hkdfSync, randomBytes } from "node:crypto";

/** The server's side of an encrypted connection, on Node's own crypto. */
export class SealingServer {
  readonly publicKey: string;
  readonly salt: Buffer;
  readonly key: Buffer;
  readonly aad: Buffer;
  #sent = 0n;
  #received = 0n;

  constructor(
    clientKey: string,
    info = "ignis-ecdh-p256-aes-256-gcm-v1",
    pair = keyPair(),
    additionalData = "",
  ) {
    this.aad = Buffer.from(additionalData);
    this.publicKey = pair.getPublicKey("base64");
    this.salt = randomBytes(32);
    const secret = pair.computeSecret(Buffer.from(clientKey, "base64"));
    this.key = Buffer.from(hkdfSync("sha256", secret, this.salt, info, 32));
  }

  /** Members of `connected`. */
  get answer(): { serverPublicKey: string; salt: string } {
    return { serverPublicKey: this.publicKey, salt: this.salt.toString("base64") };
  }

  seal(message: unknown, iv = counted("s2c\0", this.#sent++)): string {
    const cipher = createCipheriv("aes-256-gcm", this.key, iv).setAAD(this.aad);
    const ct = [cipher.update(JSON.stringify(message)), cipher.final(), cipher.getAuthTag()];
    const data = { iv: iv.toString("base64"), ct: Buffer.concat(ct).toString("base64") };
    return JSON.stringify({ event: "encrypted", data });
  }

  /** Opens the client's next message, and throws when it is not that. */
  open(frame: string): unknown {
    const { event, data } = JSON.parse(frame);
    const iv = Buffer.from(data.iv, "base64");
    if (event !== "encrypted" || !iv.equals(counted("c2s\0", this.#received++))) {
      throw new Error(`not the next sealed message: ${frame}`);
    }
    const bytes = Buffer.from(data.ct, "base64");
    const decipher = createDecipheriv("aes-256-gcm", this.key, iv).setAAD(this.aad);
    decipher.setAuthTag(bytes.subarray(-16));
    return JSON.parse(
      decipher.update(bytes.subarray(0, -16), undefined, "utf8") + decipher.final("utf8"),
    );
  }
}

export function keyPair(): ReturnType<typeof createECDH> {
  const pair = createECDH("prime256v1");
  pair.generateKeys();
  return pair;
}

/** A nonce of the protocol: direction and counter. */
export function counted(direction: string, n: bigint): Buffer {
  const iv = Buffer.alloc(12);
  iv.write(direction, "latin1");
  iv.writeBigUInt64BE(n, 4);
  return iv;
}
