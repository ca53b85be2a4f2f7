/**
 * Type `counter` (class `slot`): each writer keeps the sums of what it has added and taken away, and the value is the
 * sum over all writers of the live epoch. A PN-counter (Shapiro et al., "A comprehensive study of Convergent and
 * Commutative Replicated Data Types", 2011, section 3.1.3). Body: added u64, taken away u64.
 */
import { encodeUtf8, equalBytes, Reader, Writer } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { authorBytes, peerNameOf } from "../../core/ids.ts";
import type { PeerName } from "../../core/ports.ts";
import { classes, decodeEntry } from "./entry.ts";
import { anyBody, epochField, fieldBytesMax, type Intent } from "./intent.ts";
import { listKeys, type Page, type PageOptions } from "./listing.ts";
import type { LiveRow } from "./live-rows.ts";
import type { Subject } from "./rows.ts";
import type { State } from "./state.ts";
import { laterThan } from "./supersede.ts";

export const counterType = "counter";

/** `author` and `stamp` are those of the latest change. */
export type CounterRecord = {
  readonly key: string;
  readonly value: bigint;
  readonly author: PeerName;
  readonly stamp: bigint;
};

export type Sums = { readonly added: bigint; readonly taken: bigint };

const sumMax = 2n ** 64n - 1n;
const bodyBytes = 16;

export function counterSubject(namespace: string, key: string): Subject {
  return { namespace, class: classes.slot, type: counterType, key };
}

export function encodeSums({ added, taken }: Sums): Uint8Array {
  return new Writer().u64(added).u64(taken).finish();
}

/** Undefined for a body of any other form, which counts as nothing. */
export function decodeSums(body: Uint8Array | undefined): Sums | undefined {
  if (body?.length !== bodyBytes) return undefined;
  const reader = new Reader(body);
  return { added: reader.u64(), taken: reader.u64() };
}

/** Adds to the counter, or takes away. Refused with `OVERFLOW` when this writer's sum would not fit 64 bits. */
export function counterAdd(key: string, by: bigint): Intent {
  return counterAddSums(key, by < 0n ? { added: 0n, taken: -by } : { added: by, taken: 0n });
}

export function counterAddSums(key: string, by: Sums): Intent {
  const make: Intent["make"] = (live, { writer }) => {
    let epoch = 0n;
    let sums: Sums = { added: 0n, taken: 0n };
    for (const { place, encoded } of live) {
      const entry = decodeEntry(encoded);
      epoch = entry.epoch ?? 0n;
      if (equalBytes(place.writer, writer)) sums = decodeSums(entry.body) ?? sums;
    }
    const body = encodeSums(sumsAfter(sums, by));
    return { class: classes.slot, type: counterType, key, body, epoch: epochField(epoch) };
  };
  return intent(key, make);
}

/** Opens an epoch in which nobody has counted yet. */
export function counterDelete(key: string): Intent {
  return intent(key, (live, { stamp }) => {
    if (!anyBody(live)) return undefined;
    return { class: classes.slot, type: counterType, key, epoch: stamp };
  });
}

export function getCounter(
  state: State,
  namespace: string,
  key: string,
): CounterRecord | undefined {
  return readCounter(key, state.live(counterSubject(namespace, key)));
}

export function listCounters(
  state: State,
  namespace: string,
  options: PageOptions,
): Page<CounterRecord> {
  const space = { namespace, class: classes.slot, type: counterType };
  return listKeys(state, space, options, readCounter);
}

export function readCounter(key: string, live: Iterable<LiveRow>): CounterRecord | undefined {
  let value = 0n;
  let latest: LiveRow | undefined;
  for (const row of live) {
    const sums = decodeSums(decodeEntry(row.encoded).body);
    if (sums === undefined) continue;
    value += sums.added - sums.taken;
    if (latest === undefined || laterThan(row.place, latest.place)) latest = row;
  }
  if (latest === undefined) return undefined;
  const { writer, stamp } = latest.place;
  return { key, value, author: peerNameOf(writer.subarray(0, authorBytes)), stamp };
}

function intent(key: string, make: Intent["make"]): Intent {
  const bytes = bodyBytes + encodeUtf8(key).length + fieldBytesMax;
  return { class: classes.slot, type: counterType, key, bytes, make };
}

function sumsAfter(sums: Sums, by: Sums): Sums {
  const next = { added: sums.added + by.added, taken: sums.taken + by.taken };
  if (next.added <= sumMax && next.taken <= sumMax) return next;
  throw new CoterieError("OVERFLOW", "this node's sum of the counter would pass 2^64 - 1", {
    hint: "delete the counter to start again at 0",
  });
}
