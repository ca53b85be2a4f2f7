/**
 * A private network: its id, the keys that gate it, and the file in which a node keeps them. The id is
 * SHA-256(tag "coterie/network", owner public key, nonce): made once, independent of the secret, and checkable by
 * anyone who is shown key and nonce. The secret of the current epoch gates connections and can be rotated.
 */
import { badFormat, concatBytes, equalBytes, fromHex, toHex } from "./codec.ts";
import { identityFromSeed, sha256, tag, type Identity } from "./identity.ts";
import { nameFault } from "./name.ts";
import type { NetworkKeys } from "./ports.ts";

export const networkIdBytes = 32;
export const networkSecretBytes = 32;
export const networkNonceBytes = 16;
export const epochMax = 0xffff_ffff;

/** What a network id is the hash of. */
export type NetworkOrigin = { readonly ownerPublicKey: Uint8Array; readonly nonce: Uint8Array };

/** A network as a node keeps it. `origin` is known where the network was made; tickets do not carry it. */
export type NetworkRecord = {
  readonly keys: NetworkKeys;
  readonly origin: NetworkOrigin | undefined;
};

export function networkIdOf(origin: NetworkOrigin): Uint8Array {
  const message = concatBytes(tag("coterie/network"), origin.ownerPublicKey, origin.nonce);
  return new Uint8Array(sha256(message));
}

/** A new network at epoch 1 from fresh random bytes: 32 for the owner's seed, 32 for the secret, 16 for the nonce. */
export function createNetwork(options: {
  readonly name: string;
  readonly ownerSeed: Uint8Array;
  readonly secret: Uint8Array;
  readonly nonce: Uint8Array;
}): { record: NetworkRecord; owner: Identity } {
  const owner = identityFromSeed(options.ownerSeed);
  const origin = { ownerPublicKey: owner.publicKey, nonce: options.nonce.slice() };
  const keys = {
    id: networkIdOf(origin),
    name: options.name,
    secret: options.secret.slice(),
    epoch: 1,
  };
  return { record: checkRecord({ keys, origin }), owner };
}

const fileFormat = 1;
const requiredFields = ["format", "id", "name", "epoch", "secret"];
const originFields = ["ownerPublicKey", "nonce"];

/** The content of `network.json`: one JSON object, bytes in hexadecimal. */
export function formatNetworkFile(record: NetworkRecord): string {
  const { keys, origin } = checkRecord(record);
  const fields = {
    format: fileFormat,
    id: toHex(keys.id),
    name: keys.name,
    epoch: keys.epoch,
    secret: toHex(keys.secret),
    ...(origin && { ownerPublicKey: toHex(origin.ownerPublicKey), nonce: toHex(origin.nonce) }),
  };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

/** Throws `BAD_FORMAT` for anything that `formatNetworkFile` cannot have written. Never quotes the secret. */
export function parseNetworkFile(text: string): NetworkRecord {
  const fields = parseObject(text);
  if (fields["format"] !== fileFormat) {
    badFormat(
      `its format is ${JSON.stringify(fields["format"])}, this version reads ${fileFormat}`,
    );
  }
  const hasOrigin = originFields.some((field) => Object.hasOwn(fields, field));
  const expected = hasOrigin ? [...requiredFields, ...originFields] : requiredFields;
  const missing = expected.find((field) => !Object.hasOwn(fields, field));
  if (missing !== undefined) badFormat(`field "${missing}" is missing`);
  const unknown = Object.keys(fields).find((field) => !expected.includes(field));
  if (unknown !== undefined) badFormat(`field ${JSON.stringify(unknown)} is unknown`);
  const origin = hasOrigin
    ? { ownerPublicKey: bytesOf(fields, "ownerPublicKey"), nonce: bytesOf(fields, "nonce") }
    : undefined;
  const keys = {
    id: bytesOf(fields, "id"),
    name: typeof fields["name"] === "string" ? fields["name"] : badFormat("its name is not text"),
    secret: bytesOf(fields, "secret"),
    epoch:
      typeof fields["epoch"] === "number" ? fields["epoch"] : badFormat("its epoch is no number"),
  };
  return checkRecord({ keys, origin });
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    badFormat("it is not JSON"); // the parser's own message would quote the secret
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    badFormat("it is not a JSON object");
  }
  return value as Record<string, unknown>;
}

function bytesOf(fields: Record<string, unknown>, field: string): Uint8Array {
  const text = fields[field];
  if (typeof text !== "string" || !/^(?:[0-9a-f]{2})+$/.test(text)) {
    return badFormat(`field "${field}" is not lower-case hexadecimal`);
  }
  return fromHex(text);
}

/** Throws `BAD_FORMAT` unless lengths, name and epoch are right. */
export function checkNetworkKeys(keys: NetworkKeys): NetworkKeys {
  const fault = nameFault(keys.name);
  if (fault !== undefined) badFormat(`network name: ${fault}`);
  if (keys.id.length !== networkIdBytes) badFormat(`a network id has ${networkIdBytes} bytes`);
  if (keys.secret.length !== networkSecretBytes) {
    badFormat(`a network secret has ${networkSecretBytes} bytes`);
  }
  if (!Number.isInteger(keys.epoch) || keys.epoch < 1 || keys.epoch > epochMax) {
    badFormat(`an epoch is a whole number from 1 to ${epochMax}`);
  }
  return keys;
}

function checkRecord(record: NetworkRecord): NetworkRecord {
  checkNetworkKeys(record.keys);
  const { origin } = record;
  if (origin === undefined) return record;
  if (origin.ownerPublicKey.length !== 32) badFormat("an owner public key has 32 bytes");
  if (origin.nonce.length !== networkNonceBytes)
    badFormat(`a nonce has ${networkNonceBytes} bytes`);
  if (!equalBytes(networkIdOf(origin), record.keys.id)) {
    badFormat("its id does not belong to its owner public key and nonce");
  }
  return record;
}
