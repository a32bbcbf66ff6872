import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';

/** Keys of one secret, each for one purpose. */
interface Keys {
  /** First bytes of a sealed field, which tell the key. */
  readonly id: Buffer;
  readonly records: Buffer;
  readonly callers: Buffer;
  readonly nodes: Buffer;
  readonly tokens: Buffer;
  readonly hops: Buffer;
}

const ID_BYTES = 4;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = ID_BYTES + IV_BYTES + TAG_BYTES;

/** The keys of a fleet, derived from its secrets with HKDF-SHA-256: the first secret seals and signs, all of them open and verify. */
export class FleetSecrets {
  private readonly keys: readonly [Keys, ...Keys[]];

  constructor([first, ...others]: readonly [string, ...string[]]) {
    this.keys = [keysOf(first), ...others.map(keysOf)];
  }

  /** Names of the secrets, which tell nothing about them; the first is that of the first secret. */
  get fingerprints(): string[] {
    return this.keys.map(({ id }) => id.toString('hex'));
  }

  /** Keys of the tokens of WebSockets. */
  get tokenKeys(): [Buffer, ...Buffer[]] {
    return this.all('tokens');
  }

  /** Keys of what nodes say to each other. */
  get hopKeys(): [Buffer, ...Buffer[]] {
    return this.all('hops');
  }

  /**
   * Encrypts a field of a session's record (AES-256-GCM). Each session and field has a key of its own, so that random nonces never repeat under one key; both
   * are authenticated as additional data.
   */
  seal(sessionId: string, field: string, text: string): string {
    const [{ id, records }] = this.keys;
    const iv = randomBytes(IV_BYTES);
    const name = fieldName(sessionId, field);
    const cipher = createCipheriv('aes-256-gcm', hmac(records, name), iv).setAAD(name);
    const sealed = [cipher.update(text, 'utf8'), cipher.final()];
    return Buffer.concat([id, iv, cipher.getAuthTag(), ...sealed]).toString('base64');
  }

  /** Decrypts a field; `undefined` for one that no secret of the list has sealed, or for another session or field. Never throws. */
  unseal(sessionId: string, field: string, sealed: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64');
    if (bytes.length < HEAD_BYTES) return undefined;
    const key = this.keys.find(({ id }) => id.equals(bytes.subarray(0, ID_BYTES)));
    if (!key) return undefined;
    const name = fieldName(sessionId, field);
    const iv = bytes.subarray(ID_BYTES, ID_BYTES + IV_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', hmac(key.records, name), iv)
      .setAAD(name)
      .setAuthTag(bytes.subarray(ID_BYTES + IV_BYTES, HEAD_BYTES));
    try {
      return (
        decipher.update(bytes.subarray(HEAD_BYTES), undefined, 'utf8') + decipher.final('utf8')
      );
    } catch {
      return undefined;
    }
  }

  /** Returns the name of a caller, a room or an answer in Redis. It does not tell what it is the name of. */
  nameOf(text: string): string {
    return nameBy(this.keys[0], text);
  }

  /** Returns the names that nodes give to the same while the secret is replaced, this node's first. */
  namesOf(text: string): string[] {
    return this.keys.map((keys) => nameBy(keys, text));
  }

  private all(purpose: keyof Keys): [Buffer, ...Buffer[]] {
    const [first, ...others] = this.keys;
    return [first[purpose], ...others.map((keys) => keys[purpose])];
  }

  /** Signs a node's record. */
  signNode(node: string, info: string): string {
    return macOf(this.keys[0], node, info).toString('base64url');
  }

  /** Returns true for a node's record that a node of this fleet has signed. */
  verifiesNode(node: string, info: string, mac: string): boolean {
    const given = Buffer.from(mac, 'base64url');
    return this.keys.some((key) => {
      const expected = macOf(key, node, info);
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
  }
}

function keysOf(secret: string): Keys {
  const derive = (purpose: string, bytes = 32): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', `nestjs-pipecat-runner fleet ${purpose}`, bytes));
  return {
    id: derive('id', ID_BYTES),
    records: derive('records'),
    callers: derive('callers'),
    nodes: derive('nodes'),
    tokens: derive('tokens'),
    hops: derive('hops'),
  };
}

const hmac = (key: Buffer, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest();

const nameBy = ({ callers }: Keys, text: string): string =>
  hmac(callers, Buffer.from(text)).toString('base64url');

/** Unambiguous, since no field has a space. */
const fieldName = (sessionId: string, field: string): Buffer =>
  Buffer.from(`${field} ${sessionId}`);

const macOf = ({ nodes }: Keys, node: string, info: string): Buffer =>
  hmac(nodes, Buffer.from(JSON.stringify([node, info])));
