/**
 * Joins updates that one client wrote one after the other into one that does the same. Yjs's own `mergeUpdates` keeps
 * each struct apart; here a struct that goes on where the one before ended, within the same neighbours, becomes a part of
 * it, as if the text had been typed at once. So a page typed letter by letter takes little more than its letters.
 */
import { badFormat } from "../../core/codec.ts";
import {
  decodeDocUpdate,
  encodeDocUpdate,
  type ClockRange,
  type DocId,
  type DocStruct,
} from "./doc-update.ts";

/** Throws `BAD_FORMAT` when an update is not of this client, or does not begin where the one before ended. */
export function joinDocUpdates(updates: readonly Uint8Array[], client: number): Uint8Array {
  const structs: DocStruct[] = [];
  const deletes = new Map<number, ClockRange[]>();
  for (const bytes of updates) {
    const update = decodeDocUpdate(bytes, client);
    for (const struct of update.structs) append(structs, struct, client);
    for (const [deleted, ranges] of update.deletes) {
      const all = deletes.get(deleted) ?? [];
      for (const range of ranges) all.push(range);
      deletes.set(deleted, all);
    }
  }
  for (const [deleted, ranges] of deletes) deletes.set(deleted, united(ranges));
  return encodeDocUpdate({ structs: structs.map(whole), deletes }, client);
}

/** Texts of a run are gathered here, and put together once. */
type Run = DocStruct & { readonly parts?: string[] };

function append(structs: Run[], next: DocStruct, client: number): void {
  const last = structs.at(-1);
  if (last === undefined) {
    structs.push(next);
    return;
  }
  const end = last.clock + last.length;
  if (next.clock !== end) badFormat("updates of a client with a gap between them");
  const goesOn =
    sameId(next.origin, { client, clock: end - 1 }) &&
    sameId(next.rightOrigin, last.rightOrigin) &&
    (next.text === undefined) === (last.text === undefined);
  if (!goesOn) {
    structs.push(next);
    return;
  }
  const parts = last.parts ?? (last.text === undefined ? undefined : [last.text]);
  if (next.text !== undefined) parts?.push(next.text);
  const length = last.length + next.length;
  structs[structs.length - 1] = { ...last, length, ...(parts === undefined ? {} : { parts }) };
}

function whole({ parts, ...struct }: Run): DocStruct {
  return parts === undefined ? struct : { ...struct, text: parts.join("") };
}

function sameId(a: DocId | undefined, b: DocId | undefined): boolean {
  return a?.client === b?.client && a?.clock === b?.clock;
}

function united(ranges: readonly ClockRange[]): ClockRange[] {
  const out: ClockRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.clock - b.clock)) {
    const last = out.at(-1);
    const end = last === undefined ? -1 : last.clock + last.length;
    if (last === undefined || range.clock > end) {
      out.push(range);
      continue;
    }
    const length = Math.max(end, range.clock + range.length) - last.clock;
    out[out.length - 1] = { clock: last.clock, length };
  }
  return out;
}
