/**
 * Entries of class `context`: each carries what its writer had seen of the key, so that it supersedes that and nothing
 * else. Seen is the join of the live entries' own stamps and the contexts they carry: what those superseded is seen too.
 */
import { bytesName, compareBytes, encodeUtf8 } from "../../core/codec.ts";
import { writerBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import { classes, decodeEntry, type Context, type Entry } from "./entry.ts";
import { anyBody, epochField, fieldBytesMax, type Intent, type WriteAt } from "./intent.ts";
import type { LiveRow } from "./live-rows.ts";

/** All live entries of a key are of one epoch; 0 when there are none. */
export type Seen = { readonly epoch: bigint; readonly context: Context };

export function seenIn(live: Iterable<LiveRow>): Seen {
  const seen = new Map<string, { writer: Uint8Array; stamp: bigint }>();
  let epoch = 0n;
  const take = (writer: Uint8Array, stamp: bigint): void => {
    const name = bytesName(writer);
    const known = seen.get(name);
    if (known === undefined || known.stamp < stamp) seen.set(name, { writer, stamp });
  };
  for (const { place, encoded } of live) {
    const entry = decodeEntry(encoded);
    epoch = entry.epoch ?? 0n;
    take(place.writer, place.stamp);
    for (const { writer, stamp } of entry.context ?? []) take(writer, stamp);
  }
  const context = [...seen.values()].toSorted((a, b) => compareBytes(a.writer, b.writer));
  return { epoch, context };
}

/**
 * An entry that supersedes what lives; without a body it deletes. Where the context would name more writers than it may,
 * the entry opens an epoch instead: then it supersedes what others write at this moment, too.
 */
export function contextEntry(
  type: string,
  key: string,
  body: Uint8Array | undefined,
  { epoch, context }: Seen,
  { stamp }: WriteAt,
): Entry {
  const base = { class: classes.context, type, key, body };
  if (context.length > limits.contextWritersMax) return { ...base, epoch: stamp };
  return {
    ...base,
    epoch: epochField(epoch),
    context: context.length === 0 ? undefined : context,
  };
}

/** Writers that may join a key while a write of it waits. */
const newcomers = 4;

/**
 * The intent of such an entry. Without a body nothing is written where nothing is left to delete. `live` are the entries
 * of now, from which the bytes of the context to come are guessed.
 */
export function contextIntent(
  type: string,
  key: string,
  body: Uint8Array | undefined,
  live: Iterable<LiveRow>,
): Intent {
  const writers = Math.min(limits.contextWritersMax, seenIn(live).context.length + newcomers);
  const bytes = (body?.length ?? 0) + encodeUtf8(key).length + writers * (writerBytes + 8);
  return {
    class: classes.context,
    type,
    key,
    bytes: bytes + fieldBytesMax,
    make: (rows, at) => {
      if (body === undefined && !anyBody(rows)) return undefined;
      return contextEntry(type, key, body, seenIn(rows), at);
    },
  };
}
