/**
 * Documents: their texts follow from the live set alone, though writers clash with themselves, withdraw what others built
 * on and pass off others' updates as their own; and among honest writers nothing is lost.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import * as Y from "yjs";
import { Writer } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { docRoot } from "../../src/protocol/state/doc-update.ts";
import { DocView } from "../../src/protocol/state/doc-view.ts";
import {
  comparePieces,
  docClient,
  docSubject,
  docType,
  piecesOf,
} from "../../src/protocol/state/doc.ts";
import { classes, type Entry } from "../../src/protocol/state/entry.ts";
import type { LiveRow } from "../../src/protocol/state/live-rows.ts";
import { stampOf, wallMs, writerBytesOf } from "./fixture.ts";
import { hostileWriters, type Plan } from "./hostile.ts";
import type { Law } from "./laws.ts";
import { filled, onlyLive, sentOf } from "./merge-laws.ts";

const key = "k";
const clients = hostileWriters.map((writer) => docClient(writerBytesOf(writer), key));
const start = stampOf(wallMs - 1_000);

type Edit = { readonly at: number; readonly remove: number; readonly insert: string };
type Turn = {
  readonly writer: number;
  /** Takes in all there is before it edits. */
  readonly hears: boolean;
  readonly edits: readonly Edit[];
  readonly after: "nothing" | "forget" | "checkpoint" | "withdraw" | "steal" | "garbage" | "epoch";
};

const edit = fc.record({
  at: fc.nat({ max: 20 }),
  remove: fc.nat({ max: 3 }),
  insert: fc.string({ maxLength: 3, unit: fc.constantFrom("a", "b", "é", "\n") }),
});

function turns(...after: readonly Turn["after"][]): fc.Arbitrary<Turn[]> {
  const turn = fc.record({
    writer: fc.nat({ max: 2 }),
    hears: fc.boolean(),
    edits: fc.array(edit, { minLength: 1, maxLength: 2 }),
    after: fc.constantFrom(...after),
  });
  return fc.array(turn, { minLength: 1, maxLength: 6 });
}

type Update = { readonly writer: number; readonly stamp: bigint; readonly update: Uint8Array };
type Told = { readonly plans: readonly Plan[]; readonly updates: readonly Update[] };

function viewOf(updates: readonly Update[]): DocView {
  const view = new DocView();
  const ordered = updates.toSorted((a, b) => Number(a.stamp - b.stamp));
  view.apply(ordered.map(({ writer, update }) => ({ client: clients[writer]!, update })));
  return view;
}

/** What the editor's own view makes of its edits, and their updates; undefined where it may not go on. */
function edited(
  known: readonly Update[],
  turn: Turn,
): { text: string; made: Uint8Array[] } | undefined {
  const view = viewOf(known);
  const made: Uint8Array[] = [];
  try {
    for (const { at, remove, insert } of turn.edits) {
      const place = at % (view.length + 1);
      const gone = Math.min(remove, view.length - place);
      if (gone === 0 && insert === "") continue;
      made.push(...view.edit(clients[turn.writer]!, [{ at: place, remove: gone, insert }]));
    }
  } catch (error) {
    if (error instanceof CoterieError && error.code === "REFUSED") return undefined;
    throw error;
  }
  return { text: view.toString(), made };
}

/** Plays the turns; each writer knows its own updates and all those there were when it heard last. */
function tell(played: readonly Turn[], check: (view: string, others: string) => void): Told {
  const plans: Plan[] = [];
  const updates: Update[] = [];
  const known: Update[][] = clients.map(() => []);
  const clocks = clients.map(() => start);
  let last = 0;
  for (const turn of played) {
    const { writer, after } = turn;
    if (turn.hears) known[writer] = [...updates];
    const before = known[writer]!;
    let stamp = before.reduce(
      (most, one) => (one.stamp > most ? one.stamp : most),
      clocks[writer]!,
    );
    stamp += 1n;
    const write = (fields: Partial<Entry>): void => {
      const entry: Entry = { class: classes.append, type: docType, key, ...fields };
      plans.push({ writer, seq: BigInt(++last), stamp, entries: [entry] });
    };
    const result = edited(before, turn);
    const fresh = (result?.made ?? []).map((update, at) => {
      return { writer, stamp: stamp + BigInt(at), update };
    });
    if (result !== undefined) check(result.text, viewOf([...before, ...fresh]).toString());
    for (const one of fresh) {
      stamp = one.stamp;
      write({ body: one.update });
    }
    updates.push(...fresh);
    if (after === "forget") continue;
    const now = [...before, ...fresh];
    known[writer] = now;
    stamp += 1n;
    clocks[writer] = stamp;
    const own = now.filter((one) => one.writer === writer);
    const range = { from: own[0]?.stamp ?? start, to: stamp - 1n };
    if (after === "checkpoint") write({ body: listing(own), range });
    if (after === "withdraw") write({ body: listing(own.slice(1)), range });
    if (after === "steal") write({ body: updates.find((one) => one.writer !== writer)?.update });
    if (after === "garbage") write({ body: Uint8Array.of(1, 2, 3) });
    if (after === "epoch" && last % 4 === 0) write({ epoch: stamp });
  }
  return { plans, updates };
}

function listing(updates: readonly Update[]): Uint8Array {
  const out = new Writer();
  for (const { stamp, update } of updates) out.u64(stamp).u16(0).prefixed(update);
  return out.finish();
}

function pieces(row: LiveRow): ReturnType<typeof piecesOf> {
  try {
    return piecesOf(row);
  } catch (error) {
    if (error instanceof CoterieError) return [];
    throw error;
  }
}

/** The text of a document that is brought up to date in steps of so many updates. */
function textOf(rows: readonly LiveRow[], step: number): string {
  const ordered = rows.flatMap(pieces).toSorted(comparePieces);
  const updates = ordered.map(({ writer, update }) => ({ client: docClient(writer, key), update }));
  const view = new DocView();
  for (let at = 0; at < updates.length; at += step) view.apply(updates.slice(at, at + step));
  return view.toString();
}

const subject = docSubject("default", key);
const unchecked = (): void => {};

export const docLaws: readonly Law[] = [
  {
    name: "doc: equal live sets have equal texts, however many updates are applied at a time",
    property: fc.property(
      turns("nothing", "forget", "checkpoint", "withdraw", "steal", "garbage", "epoch"),
      (played) => {
        const sent = tell(played, unchecked).plans.map(sentOf);
        const [rows, others] = [filled(sent), onlyLive(sent.toReversed())].map((state) => [
          ...state.live(subject),
        ]);
        const text = textOf(rows!, Infinity);
        assert.equal(textOf(rows!, 1), text);
        assert.equal(textOf(others!, 2), text);
        assert.equal(textOf(others!.toReversed(), Infinity), text);
      },
    ),
  },
  {
    name: "doc: what an editor sees of its edits is what others make of them",
    property: fc.property(
      turns("nothing", "nothing", "forget"),
      (played) => void tell(played, (view, others) => assert.equal(view, others)),
    ),
  },
  {
    name: "doc: the text of honest edits is Yjs's own of all updates in any order",
    property: fc.property(
      turns("nothing", "nothing", "checkpoint"),
      fc.array(fc.nat(), { minLength: 20, maxLength: 20 }),
      (played, drawn) => {
        const { plans, updates } = tell(played, unchecked);
        const doc = new Y.Doc();
        const shuffled = updates
          .map(({ update }, at) => ({ update, at: drawn[at % drawn.length]! }))
          .toSorted((a, b) => a.at - b.at);
        for (const { update } of shuffled) Y.applyUpdate(doc, update);
        const rows = [...filled(plans.map(sentOf).toReversed()).live(subject)];
        assert.equal(textOf(rows, Infinity), doc.getText(docRoot).toJSON());
      },
    ),
  },
];
