/**
 * Several authors at once: each has an editor (a Yjs document, as any Yjs editor has) and a daemon of its own. An editor
 * takes in what the others typed exactly as the history says, so every edit is made in the text that its author saw; the
 * daemons gossip among themselves all the time.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as Y from "yjs";
import { CoterieError } from "../../src/core/errors.ts";
import { launchDaemon, until, type DaemonProcess } from "../../test/daemon/daemon-process.ts";
import { connected, joining } from "../../test/daemon/pair.ts";
import { storeBytes, timed, type Report, type Trace } from "./trace.ts";

const key = "chat";

export async function replayAgents(trace: Trace): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "coterie-replay-"));
  const count = Math.max(...trace.txns.map(({ agent = 0 }) => agent)) + 1;
  const daemons: DaemonProcess[] = [];
  try {
    for (let index = 0; index < count; index++) {
      const [first] = daemons;
      const words = first === undefined ? [] : await joining(first);
      const daemon = await launchDaemon({ dataDir: join(folder, `node-${index}`), words });
      if (first !== undefined) await connected(first, daemon);
      daemons.push(daemon);
    }
    const editors = await Promise.all(daemons.map(openEditor));
    const replay = await timed(() => replayTxns(trace, editors));
    const settle = await timed(() => settled(daemons, trace.endContent));
    const texts = await Promise.all(daemons.map(({ client }) => client.docGet("default", key)));
    const statuses = await Promise.all(daemons.map(({ client }) => client.status()));
    return {
      edits: trace.txns.length,
      agents: count,
      exact: texts.every(({ text }) => text === trace.endContent),
      sameDigest: new Set(statuses.map(({ state }) => state.digest)).size === 1,
      pushes: editors.reduce((sum, { pushes }) => sum + pushes, 0),
      replayMs: replay.ms,
      settleMs: settle.ms,
      entries: texts[0]?.entries ?? 0,
      storeBytes: Math.max(...daemons.map(storeBytes)),
      rssBytes: Math.max(...statuses.map((status) => status.process.rssBytes)),
      cpuMs: Math.max(...statuses.map((status) => status.process.cpuMs)),
    };
  } finally {
    for (const daemon of daemons) await daemon.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

type Editor = {
  readonly daemon: DaemonProcess;
  readonly doc: Y.Doc;
  /** What it typed since it last gave it to its daemon. */
  readonly typed: Uint8Array[];
  /** By agent, how many of its transactions are in the document. */
  readonly seen: number[];
  pushes: number;
};

async function openEditor(daemon: DaemonProcess): Promise<Editor> {
  const doc = new Y.Doc();
  const editor: Editor = { daemon, doc, typed: [], seen: [], pushes: 0 };
  doc.clientID = (await daemon.client.docState("default", key)).client;
  doc.on("update", (update: Uint8Array, origin: unknown) => {
    if (origin === "typed") editor.typed.push(update);
  });
  return editor;
}

async function replayTxns({ txns }: Trace, editors: readonly Editor[]): Promise<void> {
  /** By agent, the updates of its transactions. */
  const updates: Uint8Array[][] = editors.map(() => []);
  /** By transaction, how many of each agent it knows, itself included. */
  const known: number[][] = [];
  for (const { parents = [], agent = 0, patches } of txns) {
    const editor = editors[agent]!;
    const knows = editors.map((_, other) => {
      return Math.max(0, ...parents.map((parent) => known[parent]![other]!));
    });
    for (const [other, theirs] of updates.entries()) {
      const had = editor.seen[other] ?? 0;
      if (other === agent || knows[other]! <= had) continue;
      // what it typed before it saw these goes out as it was typed
      await push(editor);
      for (const update of theirs.slice(had, knows[other])) Y.applyUpdate(editor.doc, update);
      editor.seen[other] = knows[other]!;
      await push(editors[other]!);
    }
    const at = editor.typed.length;
    editor.doc.transact(() => {
      const text = editor.doc.getText("text");
      for (const [position, remove, insert] of patches) {
        if (remove > 0) text.delete(position, remove);
        if (insert !== "") text.insert(position, insert);
      }
    }, "typed");
    updates[agent]!.push(...editor.typed.slice(at));
    knows[agent] = updates[agent]!.length;
    known.push(knows);
  }
  for (const editor of editors) await push(editor);
}

/** Gives what was typed to the daemon, which refuses it until it has what that builds on. */
async function push(editor: Editor): Promise<void> {
  const { daemon, typed } = editor;
  if (typed.length === 0) return;
  const update = Y.mergeUpdates(typed.splice(0));
  await until("the daemon takes what was typed", async () => {
    try {
      await daemon.client.docUpdate("default", key, update);
      return true;
    } catch (error) {
      if (error instanceof CoterieError && error.code === "CONFLICT") return false;
      throw error;
    }
  });
  editor.pushes++;
}

function settled(daemons: readonly DaemonProcess[], text: string): Promise<void> {
  return until("all daemons have the whole text", async () => {
    const found = await Promise.all(daemons.map(({ client }) => client.docGet("default", key)));
    return found.every((each) => each.text === text);
  }).catch(() => undefined); // the report says what they have
}
