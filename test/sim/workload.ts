/** Writes of every class and type, as the daemon's control API makes them. */
import { encodeUtf8 } from "../../src/core/codec.ts";
import type { WriteOptions } from "../../src/driver/writes.ts";
import { counterAdd, counterDelete } from "../../src/protocol/state/counter.ts";
import {
  comparePieces,
  docClient,
  docDelete,
  docItem,
  docSubject,
  piecesOf,
  type DocPiece,
} from "../../src/protocol/state/doc.ts";
import { DocView } from "../../src/protocol/state/doc-view.ts";
import {
  classes,
  decodeEntry,
  entryBytesAtMost,
  type Entry,
} from "../../src/protocol/state/entry.ts";
import type { Intent, Write } from "../../src/protocol/state/intent.ts";
import { logAppend, logDelete } from "../../src/protocol/state/log.ts";
import { logCompact } from "../../src/protocol/state/log-compaction.ts";
import { multiWrite } from "../../src/protocol/state/multi.ts";
import { registerEntry } from "../../src/protocol/state/register.ts";
import { setAdd, setRemove } from "../../src/protocol/state/set.ts";
import { stampMs } from "../../src/protocol/state/stamp.ts";
import type { State } from "../../src/protocol/state/state.ts";
import type { RegisterValue } from "../../src/protocol/state/value.ts";
import type { Operation } from "./plan.ts";

export const setName = "s";

export function namespaceOf({ key }: Operation): string {
  return key === 3 ? "other" : "default";
}

export function textOf({ value }: Operation): string {
  return `v${value}`;
}

/** What a counter is raised by. */
export function amountOf({ value }: Operation): bigint {
  return BigInt(value + 1);
}

export function elementOf({ key }: Operation): string {
  return `element ${key}`;
}

/** In a text it stands for the edit. */
export function tokenOf({ value }: Operation): string {
  return `<${value}>`;
}

/** Items that are appended before a log is compacted. */
export const itemsPerCompaction = 18;

type Request = { readonly writes: readonly Write[]; readonly options?: WriteOptions };

/**
 * Requests that follow one another. `stale` is called when the edit of a document is not written after all. Throws what
 * the store throws.
 */
export function requestsOf(operation: Operation, state: State, stale: () => void): Request[] {
  const { kind, key, value } = operation;
  const namespace = namespaceOf(operation);
  const text = valueOf(textOf(operation));
  const one = (...writes: readonly Write[]): Request[] => [{ writes }];
  switch (kind) {
    case "put":
      return one(registerEntry(`r${key}`, text));
    case "large":
      return one(registerEntry(`r${key}`, valueOf(textOf(operation).padEnd(1_500 + value * 400))));
    case "delete":
      return one(registerEntry(`r${key}`, undefined));
    case "expire":
      return one(expiring(registerEntry(`e${key}`, text), 1_000 + value * 1_000));
    case "multi":
      return one(multiWrite(state, namespace, `m${key}`, text));
    case "multi delete":
      return one(multiWrite(state, namespace, `m${key}`, undefined));
    case "add":
      return one(setAdd(state, namespace, setName, elementOf(operation)));
    case "remove":
      return one(setRemove(state, namespace, setName, elementOf(operation)));
    case "count":
      return one(counterAdd(`c${key}`, amountOf(operation)));
    case "uncount":
      return one(counterDelete(`c${key}`));
    case "append":
      return one(logAppend(`l${key}`, text));
    case "compact": {
      const items = Array.from({ length: itemsPerCompaction }, (_, index) => {
        return logAppend(`l${key}`, valueOf(`${textOf(operation)}.${index}`));
      });
      return [{ writes: items, options: { atomic: true } }, { writes: [logCompact(`l${key}`)] }];
    }
    case "log delete":
      return one(logDelete(`l${key}`));
    case "edit":
      return one(...editOf(operation, state, namespace, stale));
    case "doc delete":
      return one(docDelete(`d${key}`));
    case "atomic":
      return [
        {
          writes: [
            registerEntry(`r${key}`, text),
            setAdd(state, namespace, setName, elementOf(operation)),
            counterAdd(`c${key}`, amountOf(operation)),
            logAppend(`l${key}`, text),
          ],
          options: { atomic: true },
        },
      ];
    default:
      return one(futureEntry(operation));
  }
}

/** Expires so long after its own stamp, which may be ahead of the wall clock. */
function expiring(entry: Entry, afterMs: number): Intent {
  const { class: entryClass, type, key } = entry;
  const make: Intent["make"] = (_live, { stamp }) => {
    return { ...entry, expires: BigInt(stampMs(stamp) + afterMs) };
  };
  return { class: entryClass, type, key, bytes: entryBytesAtMost(entry), make };
}

/** Of a type, and with a field, that this version does not know. */
function futureEntry({ key, value }: Operation): Entry {
  const entryClass = value % 2 === 0 ? classes.last : classes.slot;
  const unknown = Uint8Array.of(9, 2, value & 0xff, 7);
  const body = encodeUtf8(`v${value}`);
  return { class: entryClass, type: "future.map", key: `f${key}`, body, unknown };
}

function valueOf(text: string): RegisterValue {
  return { kind: "text", bytes: encodeUtf8(text) };
}

/** A text as it stands in the state of one node, without the worker thread that the daemon keeps it in. */
export function readDoc(
  state: State,
  namespace: string,
  key: string,
): { readonly view: DocView; readonly epoch: bigint } {
  const pieces: DocPiece[] = [];
  let epoch = 0n;
  for (const row of state.live(docSubject(namespace, key))) {
    epoch = decodeEntry(row.encoded).epoch ?? 0n;
    pieces.push(...piecesOf(row));
  }
  const view = new DocView();
  view.apply(
    pieces.toSorted(comparePieces).map(({ writer, update }) => {
      return { client: docClient(writer, key), update };
    }),
  );
  return { view, epoch };
}

/** Puts the operation's token somewhere between others. */
function editOf(operation: Operation, state: State, namespace: string, stale: () => void): Write[] {
  const key = `d${operation.key}`;
  const { view, epoch } = readDoc(state, namespace, key);
  const text = view.toString();
  const places = [0, ...[...text.matchAll(/>/g)].map(({ index }) => index + 1)];
  const at = places[operation.value % places.length]!;
  const { writer } = state;
  const splice = { at, remove: 0, insert: tokenOf(operation) };
  return view
    .edit(docClient(writer, key), [splice])
    .map((update) => docItem(key, { epoch, writer }, update, stale));
}
