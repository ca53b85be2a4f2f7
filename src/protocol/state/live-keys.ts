/** Which keys, and which types of a key, have live entries. Skips from one to the next, however many entries each has. */
import { compareBytes, concatBytes, decodeUtf8, encodeUtf8 } from "../../core/codec.ts";
import type { StoreReader } from "../../core/ports.ts";
import { classes, type EntryClass } from "./entry.ts";
import { prefixEnd, subjectPrefix, type Subject } from "./rows.ts";

/** What keys are listed of. */
export type KeySpace = Omit<Subject, "key">;

/** Keys with live entries, in bytewise order: those that begin with `prefix`, after `after` (exclusive). */
export function* liveKeys(
  store: StoreReader,
  space: KeySpace,
  options: { readonly prefix: string; readonly after?: string | undefined },
): Generator<string> {
  const items = keysAmong(store, basePrefix(space, "items"), options);
  if (space.class === classes.append) {
    yield* texts(merged(items, keysAmong(store, basePrefix(space, "checkpoints"), options)));
  } else yield* texts(items);
}

/** Types of a class that have live entries in a namespace; one may come twice. */
export function* liveTypes(
  store: StoreReader,
  namespace: string,
  entryClass: EntryClass,
): Generator<string> {
  const subject = { namespace, class: entryClass, type: "", key: "" };
  const base = (rows: "items" | "checkpoints"): Uint8Array =>
    subjectPrefix(subject, rows).slice(0, -2);
  yield* texts(keysAmong(store, base("items"), { prefix: "" }));
  if (entryClass !== classes.append) return;
  yield* texts(keysAmong(store, base("checkpoints"), { prefix: "" }));
}

/** What the keys of rows of a type begin with. */
function basePrefix(space: KeySpace, rows: "items" | "checkpoints"): Uint8Array {
  return subjectPrefix({ ...space, key: "" }, rows).slice(0, -1);
}

/** The names that follow `base` and end with a zero byte, each once. */
function* keysAmong(
  store: StoreReader,
  base: Uint8Array,
  { prefix, after }: { readonly prefix: string; readonly after?: string | undefined },
): Generator<Uint8Array> {
  const within = concatBytes(base, encodeUtf8(prefix));
  const to = prefixEnd(within);
  let from = within;
  if (after !== undefined) {
    const beyond = concatBytes(base, encodeUtf8(after), Uint8Array.of(1));
    if (compareBytes(beyond, from) > 0) from = beyond;
  }
  for (;;) {
    const [row] = [...store.range({ from, to, limit: 1 })];
    if (row === undefined) return;
    const end = row.key.indexOf(0, base.length);
    const key = row.key.slice(base.length, end);
    yield key;
    from = concatBytes(base, key, Uint8Array.of(1));
  }
}

function* merged(one: Generator<Uint8Array>, other: Generator<Uint8Array>): Generator<Uint8Array> {
  let [a, b] = [one.next(), other.next()];
  while (a.done !== true || b.done !== true) {
    const order = a.done === true ? 1 : b.done === true ? -1 : compareBytes(a.value, b.value);
    yield order <= 0 ? (a.value as Uint8Array) : (b.value as Uint8Array);
    if (order <= 0) a = one.next();
    if (order >= 0) b = other.next();
  }
}

function* texts(keys: Iterable<Uint8Array>): Generator<string> {
  for (const key of keys) yield decodeUtf8(key);
}
