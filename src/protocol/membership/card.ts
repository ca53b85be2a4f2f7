/**
 * What a member says of itself in namespace `sys`, key `members/<peer id>`: JSON that the member alone writes. Every field
 * is bounded when it is read, since its writer may be anybody. Layout: docs/formats.md, "Members".
 */
import { decodeUtf8, encodeUtf8 } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import { soundTags, type Tags } from "../../core/tags.ts";

/** What a member lends for the files of others, and how much of it is free; in bytes. */
export type Capacity = { readonly quota: number; readonly free: number };

export type MemberCard = {
  readonly name: string;
  readonly version: string;
  readonly left: boolean;
  /** Absent when there are none. */
  readonly tags?: Tags;
  /** Absent when the member lends nothing. */
  readonly capacity?: Capacity;
};

const namePrefix = "members/";
const textMax = 128;
const known: ReadonlySet<string> = new Set(["name", "version", "left", "tags", "capacity"]);

type Fields = Readonly<Record<string, unknown>>;

export function memberKey(peer: PeerName): string {
  return namePrefix + peer;
}

/** The member a key of `sys` is about, or undefined. */
export function memberOfKey(key: string): PeerName | undefined {
  if (!key.startsWith(namePrefix)) return undefined;
  const peer = key.slice(namePrefix.length);
  return peer.includes("/") ? undefined : peer;
}

/** With the fields of `before`, the member's card until now, that this version does not know. */
export function encodeCard(card: MemberCard, before?: Uint8Array): Uint8Array {
  return encodeUtf8(JSON.stringify({ ...card, ...unknownFields(before) }));
}

function unknownFields(before: Uint8Array | undefined): Fields {
  const fields = Object.entries(before === undefined ? {} : (fieldsOf(before) ?? {}));
  const unknown = Object.fromEntries(fields.filter(([name]) => !known.has(name)));
  const bytes = encodeUtf8(JSON.stringify(unknown)).length;
  return bytes > limits.cardUnknownBytesMax ? {} : unknown;
}

/** Undefined for what is no card; members of other versions may add fields. */
export function decodeCard(bytes: Uint8Array): MemberCard | undefined {
  const { name, version, left, tags, capacity } = fieldsOf(bytes) ?? {};
  if (typeof name !== "string" || typeof version !== "string") return undefined;
  const sound = soundTags(tags);
  const lent = soundCapacity(capacity);
  return {
    name: name.slice(0, textMax),
    version: version.slice(0, textMax),
    left: left === true,
    ...(Object.keys(sound).length === 0 ? {} : { tags: sound }),
    ...(lent === undefined ? {} : { capacity: lent }),
  };
}

/** Undefined for anything but two whole numbers of which the free one is not the larger. */
function soundCapacity(given: unknown): Capacity | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  const { quota, free } = given as Fields;
  if (!isBytes(quota) || !isBytes(free) || free > quota) return undefined;
  return { quota, free };
}

function isBytes(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function fieldsOf(bytes: Uint8Array): Fields | undefined {
  try {
    const parsed: unknown = JSON.parse(decodeUtf8(bytes));
    return typeof parsed === "object" && parsed !== null ? (parsed as Fields) : undefined;
  } catch {
    return undefined; // not JSON, or not UTF-8: whoever wrote it has no card
  }
}
