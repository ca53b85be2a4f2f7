/** Type `register` (class `last`): the value of a key is its latest write; writing nothing deletes. */
import { compareBytes, concatBytes, decodeUtf8, encodeUtf8 } from "../../core/codec.ts";
import { authorBytes, peerNameOf } from "../../core/ids.ts";
import type { PeerName } from "../../core/ports.ts";
import { classes, decodeEntry, type Entry } from "./entry.ts";
import { rowsBetween } from "./live-rows.ts";
import { keyTextOf, prefixEnd, typePrefix, type Subject } from "./rows.ts";
import type { State } from "./state.ts";
import { decodeValue, encodeValue, type RegisterValue } from "./value.ts";

export const registerType = "register";

export type RegisterRecord = {
  readonly key: string;
  readonly value: RegisterValue;
  readonly author: PeerName;
  readonly stamp: bigint;
};

/** Rows read for one page at most, deleted keys included. */
const rowsPerPageMax = 5_000;

export function registerSubject(namespace: string, key: string): Subject {
  return { namespace, class: classes.last, type: registerType, key };
}

/** The entry that sets a key, or deletes it when there is no value. */
export function registerEntry(key: string, value: RegisterValue | undefined): Entry {
  const body = value === undefined ? undefined : encodeValue(value);
  return { class: classes.last, type: registerType, key, body };
}

export function getRegister(
  state: State,
  namespace: string,
  key: string,
  wallMs: number,
): RegisterRecord | undefined {
  for (const row of state.live(registerSubject(namespace, key))) {
    return recordOf(key, decodeEntry(row.encoded), row, wallMs);
  }
  return undefined;
}

/**
 * Records in key order, keys with `prefix` after `after`. `next` is set when there may be more: a page may be short,
 * even empty, where many keys are deleted.
 */
export function listRegisters(
  state: State,
  namespace: string,
  options: { readonly prefix: string; readonly after?: string | undefined; readonly limit: number },
  wallMs: number,
): { items: RegisterRecord[]; next: string | undefined } {
  const base = typePrefix(namespace, classes.last, registerType);
  const within = concatBytes(base, encodeUtf8(options.prefix));
  const after =
    options.after === undefined
      ? within
      : concatBytes(base, encodeUtf8(options.after), Uint8Array.of(1));
  const from = compareBytes(after, within) > 0 ? after : within;
  const items: RegisterRecord[] = [];
  let rows = 0;
  let key: string | undefined;
  const subjectOf = (rowKey: Uint8Array): Subject =>
    registerSubject(namespace, decodeUtf8(keyTextOf(rowKey, base.length)));
  for (const row of rowsBetween(state.store, { from, to: prefixEnd(within) }, subjectOf)) {
    if (items.length >= options.limit || rows >= rowsPerPageMax) return { items, next: key };
    rows++;
    ({ key } = row.subject);
    const record = recordOf(key, decodeEntry(row.encoded), row, wallMs);
    if (record !== undefined) items.push(record);
  }
  return { items, next: undefined };
}

/** The value of an entry with such a body; undefined when it deletes or has expired. */
export function recordOf(
  key: string,
  entry: Entry,
  place: { readonly writer: Uint8Array; readonly stamp: bigint },
  wallMs: number,
): RegisterRecord | undefined {
  if (entry.body === undefined) return undefined;
  if (entry.expires !== undefined && Number(entry.expires) <= wallMs) return undefined;
  return {
    key,
    value: decodeValue(entry.body),
    author: peerNameOf(place.writer.subarray(0, authorBytes)),
    stamp: place.stamp,
  };
}
