/**
 * Type `multi` (class `context`): a key keeps every value that was written without knowing of the others. A write
 * supersedes all values its writer had seen, and no other. Bodies are those of registers (value.ts).
 */
import { limits } from "../../core/limits.ts";
import { contextIntent } from "./context.ts";
import { classes, decodeEntry } from "./entry.ts";
import type { Intent } from "./intent.ts";
import { listKeys, type Page, type PageOptions } from "./listing.ts";
import type { LiveRow } from "./live-rows.ts";
import { recordOf, type RegisterRecord } from "./register.ts";
import type { Subject } from "./rows.ts";
import type { State } from "./state.ts";
import { laterThan } from "./supersede.ts";
import { encodeValue, type RegisterValue } from "./value.ts";

export const multiType = "multi";

/** Values that nobody has chosen between yet, the latest first; at least one. Of very many the latest are given. */
export type MultiRecord = {
  readonly key: string;
  readonly count: number;
  readonly values: readonly RegisterRecord[];
};

export function multiSubject(namespace: string, key: string): Subject {
  return { namespace, class: classes.context, type: multiType, key };
}

/** Writes a value in the place of all that live, or deletes them when there is no value. */
export function multiWrite(
  state: State,
  namespace: string,
  key: string,
  value: RegisterValue | undefined,
): Intent {
  const body = value === undefined ? undefined : encodeValue(value);
  return contextIntent(multiType, key, body, state.live(multiSubject(namespace, key)));
}

export function getMulti(
  state: State,
  namespace: string,
  key: string,
  wallMs: number,
): MultiRecord | undefined {
  return readMulti(key, state.live(multiSubject(namespace, key)), wallMs);
}

export function listMulti(
  state: State,
  namespace: string,
  options: PageOptions,
  wallMs: number,
): Page<MultiRecord> {
  const space = { namespace, class: classes.context, type: multiType };
  return listKeys(state, space, options, (key, live) => readMulti(key, live, wallMs));
}

export function readMulti(
  key: string,
  live: Iterable<LiveRow>,
  wallMs: number,
): MultiRecord | undefined {
  let latest: Ranked[] = [];
  let count = 0;
  for (const { place, encoded } of live) {
    const record = recordOf(key, decodeEntry(encoded), place, wallMs);
    if (record === undefined) continue;
    count++;
    latest.push({ record, stamp: place.stamp, hash: place.hash });
    if (latest.length >= 2 * limits.multiValuesMax) latest = latestOf(latest);
  }
  if (count === 0) return undefined;
  return { key, count, values: latestOf(latest).map(({ record }) => record) };
}

type Ranked = {
  readonly record: RegisterRecord;
  readonly stamp: bigint;
  readonly hash: Uint8Array;
};

function latestOf(values: readonly Ranked[]): Ranked[] {
  const sorted = values.toSorted((a, b) => (laterThan(a, b) ? -1 : 1));
  return sorted.slice(0, limits.multiValuesMax);
}
