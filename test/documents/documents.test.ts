import { expect, test, vi } from "vitest";
import * as Y from "yjs";
import { limits } from "../../src/core/limits.ts";
import { readDocLog } from "../../src/documents/doc-log.ts";
import { systemClock } from "../../src/host/clock.ts";
import { docClient, docDelete, docSubject } from "../../src/protocol/state/doc.ts";
import { classes } from "../../src/protocol/state/entry.ts";
import { DocView } from "../../src/protocol/state/doc-view.ts";
import { codedError } from "../coded-error.ts";
import { letter, updateOf } from "../state/doc-fixture.ts";
import {
  makeBatch,
  somePeer,
  stampOf,
  testWriter,
  wallMs,
  writerBytesOf,
} from "../state/fixture.ts";
import { deliver, docNode, type DocNodeFixture } from "./fixture.ts";

const ns = "default";
const key = "notes";

const text = async ({ documents }: DocNodeFixture): Promise<string | undefined> =>
  (await documents.get(ns, key))?.text;

const insert = ({ documents }: DocNodeFixture, at: number, what: string) =>
  documents.edit(ns, key, [{ at, remove: 0, insert: what }]);

const rows = ({ state }: DocNodeFixture) => [...state.live(docSubject(ns, key))];

/** An item of any writer with any body, at a stamp. */
function alien(node: DocNodeFixture, writer: string, body: Uint8Array, ms = wallMs + 5): void {
  const entry = { class: classes.append, type: "doc", key, body };
  const batch = makeBatch({ writer: testWriter(writer), entries: [entry], stamp: stampOf(ms) });
  expect(node.state.ingest(batch.bundle(), somePeer, wallMs).applied).toBe(1);
}

test("edits made apart on two nodes are in the text of both", async () => {
  const [a, b] = [docNode("a"), docNode("b")];
  await insert(a, 0, "one three");
  deliver(a, b);
  await insert(a, 3, " two");
  await insert(b, 9, " four");
  deliver(a, b);
  deliver(b, a);
  expect(await text(a)).toBe("one two three four");
  expect(await text(b)).toBe("one two three four");
});

test("edits that wait for one another are one item, and each is answered as its own", async () => {
  const node = docNode("a");
  await insert(node, 0, "0");
  const before = rows(node).length;
  const edits = await Promise.allSettled([
    insert(node, 1, "1"),
    insert(node, 99, "beyond the end"),
    insert(node, 2, "2"),
    insert(node, 3, "3"),
  ]);
  expect(edits.map(({ status }) => status)).toEqual([
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  expect(await text(node)).toBe("0123");
  // none that waits is written before the first of them, so two at most
  expect(rows(node).length - before).toBeLessThanOrEqual(2);
});

test("an item that comes late takes its place in the order, and the copy is made anew", async () => {
  const node = docNode("here");
  await insert(node, 0, "mine");
  expect(await text(node)).toBe("mine");
  const client = docClient(writerBytesOf(testWriter("other")), key);
  alien(node, "other", updateOf(client, letter("theirs ", 0, undefined, undefined)), wallMs - 10);
  const both = await text(node);
  expect(both).toContain("mine");
  expect(both).toContain("theirs");
});

test("what is not its writer's text counts as refused and changes nothing", async () => {
  const node = docNode("here");
  await insert(node, 0, "mine");
  const stolen = docClient(node.state.writer, key);
  alien(node, "thief", updateOf(stolen, letter("stolen", 4, undefined, undefined)));
  alien(node, "noise", Uint8Array.of(1, 2, 3), wallMs + 6);
  expect(await node.documents.get(ns, key)).toMatchObject({ text: "mine", refused: 2, partly: 0 });
  await insert(node, 4, "!");
  expect(await text(node)).toBe("mine!");
});

test("many items become few, with the same text, and edits go on", async () => {
  const [a, b] = [docNode("a"), docNode("b")];
  const count = limits.docItemsKept + 10;
  for (let at = 0; at < count; at++) await insert(a, at, String(at % 10));
  const whole = await text(a);
  expect(whole).toHaveLength(count);
  expect(rows(a).length).toBeLessThan(20);
  expect(a.metrics.read()["doc.checkpoints"]).toBe(1);
  deliver(a, b);
  expect(await text(b)).toBe(whole);
  await insert(b, 0, ">");
  deliver(b, a);
  await insert(a, count + 1, "<");
  expect(await text(a)).toBe(`>${whole}<`);
});

test("a deleted document is gone, on others too, and can be written again", async () => {
  const [a, b] = [docNode("a"), docNode("b")];
  await insert(a, 0, "old");
  deliver(a, b);
  await a.documents.delete(ns, key);
  await insert(b, 3, " and lost");
  deliver(a, b);
  deliver(b, a);
  expect([await text(a), await text(b)]).toEqual([undefined, undefined]);
  await insert(b, 0, "new");
  deliver(b, a);
  expect([await text(a), await text(b)]).toEqual(["new", "new"]);
  expect((await a.documents.list(ns, { prefix: "", limit: 10 })).items).toMatchObject([{ key }]);
});

test("an edit whose document is deleted while it is written is made in the new one, or refused", async () => {
  const [a, b] = [docNode("a"), docNode("b")];
  await insert(a, 0, "old");
  deliver(a, b);
  await b.documents.delete(ns, key);
  const write = a.write;
  a.write = (namespace, writes) => {
    deliver(b, a);
    return write(namespace, writes);
  };
  await insert(a, 0, "new");
  expect(await text(a)).toBe("new");
});

test("after a write that failed nothing of it is in the text, and the next edit is whole", async () => {
  const [a, b] = [docNode("a"), docNode("b")];
  await insert(a, 0, "kept");
  const { write } = a;
  a.write = () => Promise.reject(new Error("the disk is full"));
  await expect(insert(a, 4, " lost")).rejects.toThrow("the disk is full");
  a.write = write;
  expect(await text(a)).toBe("kept");
  await insert(a, 4, "!");
  deliver(a, b);
  expect(await text(b)).toBe("kept!");
});

test("an editor with a Yjs document of its own can write through the node", async () => {
  const node = docNode("a");
  await insert(node, 0, "hello");
  const editor = new Y.Doc();
  const { client, update } = await node.documents.state(ns, key);
  Y.applyUpdate(editor, update);
  editor.clientID = client;
  const typed: Uint8Array[] = [];
  editor.on("update", (made: Uint8Array) => void typed.push(made));
  editor.getText("text").insert(5, ", world");
  await node.documents.update(ns, key, typed[0]!);
  expect(await text(node)).toBe("hello, world");
  await insert(node, 0, "> ");
  editor.getText("text").insert(0, "late ");
  await codedError(() => node.documents.update(ns, key, typed[1]!), "CONFLICT");
});

test("a thread that is lost is replaced, and its documents with it", async () => {
  const node = docNode("a");
  await insert(node, 0, "safe");
  const [lost] = await Promise.allSettled([node.thread.ask({ kind: "no such request", doc: 1n })]);
  expect(lost.status).toBe("fulfilled");
  await node.thread.ask({ kind: "forget", doc: `${ns}\0${key}` });
  // the thread no longer has what we believe it has
  await insert(node, 4, "!").catch(() => undefined);
  expect(await text(node)).toMatch(/^safe!?$/);
});

test("documents beyond those kept in memory are read anew", async () => {
  const node = docNode("a");
  const count = limits.docsInMemoryMax + 3;
  for (let n = 0; n < count; n++) {
    await node.documents.edit(ns, `doc-${n}`, [{ at: 0, remove: 0, insert: String(n) }]);
  }
  expect(await node.documents.get(ns, "doc-0")).toMatchObject({ text: "0" });
  await node.documents.edit(ns, "doc-0", [{ at: 1, remove: 0, insert: "!" }]);
  expect(await node.documents.get(ns, "doc-0")).toMatchObject({ text: "0!" });
  const first = await node.documents.list(ns, { prefix: "doc-1", limit: 3 });
  expect(first.items.map((item) => item.key)).toEqual(["doc-1", "doc-10", "doc-11"]);
  const rest = await node.documents.list(ns, { prefix: "doc-1", after: first.next!, limit: 100 });
  expect(rest.items[0]?.key).toBe("doc-12");
  expect(rest.next).toBeUndefined();
});

test("a document of very many entries is read in slices, and at once only so far", async () => {
  const node = docNode("here");
  const writer = testWriter("flood");
  const client = docClient(writerBytesOf(writer), key);
  const entries = Array.from({ length: 100 }, (_, clock) => {
    const update = updateOf(client, letter("x", clock, undefined, undefined));
    return { class: classes.append, type: "doc", key, body: update };
  });
  node.state.ingest(makeBatch({ writer, entries }).bundle(), somePeer, wallMs);
  let nowMs = 0;
  let rests = 0;
  const clock = {
    ...systemClock,
    monotonicMs: () => ++nowMs,
    sleep: async () => void rests++,
  };
  const log = await readDocLog(node.state, clock, ns, key);
  expect(log).toMatchObject({ entries: 100, exists: true });
  expect(rests).toBeGreaterThan(10);
  expect(await text(node)).toBe("x".repeat(100));
});

test("a document that changes while it is read in slices is read as of one moment", async () => {
  const node = docNode("a");
  for (let at = 0; at < 30; at++) await insert(node, at, "x");
  let nowMs = 0;
  let writes = 0;
  const clock = {
    ...systemClock,
    monotonicMs: () => (nowMs += 3),
    // others delete the document and write it anew, again and again
    sleep: async () => {
      if (++writes > 12) return;
      await node.write(ns, [docDelete(key)]);
      const client = docClient(node.state.writer, key);
      const entry = { class: classes.append, type: "doc", key };
      const { place } = rows(node)[0]!;
      const update = updateOf(client, letter("y", 0, undefined, undefined));
      await node.write(ns, [{ ...entry, epoch: place.stamp, body: update }]);
    },
  };
  const log = await readDocLog(node.state, clock, ns, key);
  expect(new Set([log.pieces.length, rows(node).length - 1])).toEqual(new Set([1]));
});

test("Yjs says nothing on the daemon's output", async () => {
  const said = vi.spyOn(console, "log").mockReturnValue(undefined);
  const view = new DocView();
  const updates = view.edit(5, [{ at: 0, remove: 0, insert: "a" }]);
  const other = new DocView();
  other.edit(5, [{ at: 0, remove: 0, insert: "b" }]);
  other.apply(updates.map((update) => ({ client: 5, update })));
  const longer = view.edit(5, [{ at: 1, remove: 0, insert: "b" }]);
  other.apply(longer.map((update) => ({ client: 5, update })));
  other.adopt(5, view.edit(5, [{ at: 2, remove: 0, insert: "c" }])[0]!);
  expect(said).not.toHaveBeenCalled();
});
