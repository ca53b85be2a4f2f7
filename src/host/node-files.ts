/** The files that make a data directory a node: its identity, its network, the network's owner key, first addresses. */
import { badFormat, equalBytes } from "../core/codec.ts";
import { CoterieError, toCoterieError, type ErrorCode } from "../core/errors.ts";
import { identityFromSeed, type Identity } from "../core/identity.ts";
import { formatKeyFile, parseKeyFile, type KeyKind } from "../core/key-file.ts";
import { limits } from "../core/limits.ts";
import { formatNetworkFile, parseNetworkFile, type NetworkRecord } from "../core/network.ts";
import { isTicketAddress } from "../core/ticket.ts";
import type { DataDirPaths } from "./data-dir.ts";
import { createFileAtomic, readTextFile, writeFileAtomic } from "./files.ts";
import { systemRandom } from "./random.ts";

type FileKind<T> = { readonly code: ErrorCode; readonly remedy: string; parse(text: string): T };

/** The parsed content, or undefined when there is no such file; a broken one is thrown with its path and a remedy. */
async function readParsed<T>(path: string, kind: FileKind<T>): Promise<T | undefined> {
  const text = await readTextFile(path, { code: kind.code, secret: true });
  if (text === undefined) return undefined;
  try {
    return kind.parse(text);
  } catch (error) {
    const { message } = toCoterieError(error);
    throw new CoterieError(kind.code, `${path}: ${message}`, { hint: kind.remedy, cause: error });
  }
}

/** Throws `BAD_IDENTITY` for a key file that is broken or that others may read. */
export function readIdentity(paths: DataDirPaths): Promise<Identity | undefined> {
  return readKey("identity", paths.identity);
}

/** The owner's key, on the node that made the network. */
export function readOwner(paths: DataDirPaths): Promise<Identity | undefined> {
  return readKey("owner", paths.owner);
}

function readKey(kind: KeyKind, path: string): Promise<Identity | undefined> {
  return readParsed(path, {
    code: "BAD_IDENTITY",
    remedy: `restore ${path} from a backup; without one, start over with another --data-dir`,
    parse: (text) => identityFromSeed(parseKeyFile(kind, text)),
  });
}

/** The key that is there, or a new one from fresh randomness; an existing key is never overwritten. */
export async function ensureIdentity(paths: DataDirPaths): Promise<Identity> {
  return ensureKey("identity", paths.identity);
}

export async function ensureOwner(paths: DataDirPaths): Promise<Identity> {
  return ensureKey("owner", paths.owner);
}

async function ensureKey(kind: KeyKind, path: string): Promise<Identity> {
  const known = await readKey(kind, path);
  if (known !== undefined) return known;
  const seed = systemRandom.bytes(32);
  if (await createFileAtomic(path, formatKeyFile(kind, seed))) return identityFromSeed(seed);
  throw new CoterieError("BAD_IDENTITY", `${path}: appeared while it was being made`);
}

/** Throws `BAD_DATA_DIR` for a file that is broken, and for one that others may read. */
export function readNetwork(paths: DataDirPaths): Promise<NetworkRecord | undefined> {
  return readParsed(paths.network, {
    code: "BAD_DATA_DIR",
    remedy: `restore ${paths.network} from a backup, or remove it and join again with a ticket`,
    parse: parseNetworkFile,
  });
}

export async function writeNetwork(paths: DataDirPaths, record: NetworkRecord): Promise<void> {
  await writeFileAtomic(paths.network, formatNetworkFile(record));
}

/** Addresses from tickets, the newest first: where to look for the network before the address book knows better. */
export async function readBootstrap(paths: DataDirPaths): Promise<readonly string[]> {
  const addresses = await readParsed(paths.bootstrap, {
    code: "BAD_DATA_DIR",
    remedy: `remove ${paths.bootstrap} and join again with a ticket`,
    parse: parseAddresses,
  });
  return addresses ?? [];
}

function parseAddresses(text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    badFormat("it is not JSON");
  }
  if (!Array.isArray(value)) badFormat("it is not a list");
  return value.map((address: unknown) =>
    typeof address === "string" && isTicketAddress(address)
      ? address
      : badFormat("it lists something that is not an address with a peer id"),
  );
}

/** Each address once, in order; those over the limit are dropped. */
export async function writeBootstrap(
  paths: DataDirPaths,
  addresses: readonly string[],
): Promise<void> {
  const kept = [...new Set(addresses)].slice(0, limits.bootstrapAddressesMax);
  await writeFileAtomic(paths.bootstrap, `${JSON.stringify(kept, undefined, 2)}\n`);
}

/** The owner's identity if this node made the network of `record`; throws `BAD_IDENTITY` for another network's key. */
export async function readOwnerOf(
  paths: DataDirPaths,
  { origin }: NetworkRecord,
): Promise<Identity | undefined> {
  const owner = await readOwner(paths);
  // a node that joined by ticket may have the key of an `init` that was interrupted before: it owns nothing
  if (owner === undefined || origin === undefined) return undefined;
  if (equalBytes(owner.publicKey, origin.ownerPublicKey)) return owner;
  throw new CoterieError("BAD_IDENTITY", `${paths.owner}: is not the owner key of this network`, {
    hint: "restore it from a backup, or remove it: the node then runs as one that owns nothing",
  });
}
