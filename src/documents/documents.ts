/** The documents of a daemon: those in use are in the worker thread, the longest unused leave it first. */
import { bytesName } from "../core/codec.ts";
import { limits } from "../core/limits.ts";
import type { DocCalls, DocSummary } from "../control/doc-daemon.ts";
import { readDocLog } from "./doc-log.ts";
import { DocRoom, type DocParts } from "./doc-room.ts";
import type { DocEdit } from "./doc-requests.ts";
import { WorkerThread } from "../host/worker-thread.ts";
import { classes } from "../protocol/state/entry.ts";
import { docType } from "../protocol/state/doc.ts";
import { liveKeys } from "../protocol/state/live-keys.ts";

/** Started when it is first asked. */
export function docThread(): WorkerThread {
  const entry = import.meta.url.endsWith(".ts") ? "./doc-worker.ts" : "./doc-worker.js";
  return new WorkerThread({
    entry: new URL(entry, import.meta.url),
    heapMiBMax: limits.docHeapMiBMax,
    youngMiBMax: limits.docYoungMiBMax,
    requestMsMax: limits.docStepMsMax,
    waitingMax: limits.docStepsWaitingMax,
  });
}

/** Names are checked by the caller. */
export class Documents implements DocCalls {
  readonly #parts: DocParts;
  /** The longest unused first. */
  readonly #rooms = new Map<string, DocRoom>();

  constructor(parts: DocParts) {
    this.#parts = parts;
  }

  get: DocCalls["get"] = async (namespace, key) => {
    const room = this.#room(namespace, key);
    const { log, text } = await room.read();
    if (!log.exists) return undefined;
    const { stamp, entries } = log;
    const { refused, partly } = room.mirror.faults;
    return { key, text, stamp, entries, refused: log.refused + refused, partly };
  };

  edit: DocCalls["edit"] = async (namespace, key, splices, signal) => {
    const { length, stamp } = await this.#edit(namespace, key, { splices }, signal);
    return { length, stamp };
  };

  merge: DocCalls["merge"] = async (namespace, key, change, signal) => {
    const { length, stamp, text = "" } = await this.#edit(namespace, key, change, signal);
    return { length, stamp, text };
  };

  state: DocCalls["state"] = (namespace, key) => this.#room(namespace, key).state();

  update: DocCalls["update"] = async (namespace, key, update, signal) => {
    const { length, stamp } = await this.#edit(namespace, key, { update }, signal);
    return { length, stamp };
  };

  delete: DocCalls["delete"] = (namespace, key) => this.#room(namespace, key).delete();

  list: DocCalls["list"] = async (namespace, { limit, ...options }, signal) => {
    const { state, clock } = this.#parts;
    const space = { namespace, class: classes.append, type: docType };
    const items: DocSummary[] = [];
    let after = options.after;
    for (;;) {
      signal?.throwIfAborted();
      // taken up anew for each key: the reading of its log lets others write meanwhile
      const [key] = liveKeys(state.store, space, { prefix: options.prefix, after });
      if (key === undefined) return { items, next: undefined };
      if (items.length >= limit) return { items, next: after };
      const log = await readDocLog(state, clock, namespace, key);
      const { entries, bytes, stamp } = log;
      const writers = new Set(log.pieces.map(({ writer }) => bytesName(writer))).size;
      if (log.exists) items.push({ key, entries, bytes, writers, stamp });
      after = key;
    }
  };

  async stop(): Promise<void> {
    await this.#parts.thread.stop();
  }

  #edit(
    namespace: string,
    key: string,
    edit: DocEdit,
    signal: AbortSignal | undefined,
  ): ReturnType<DocRoom["edit"]> {
    return this.#room(namespace, key).edit(edit, signal);
  }

  #room(namespace: string, key: string): DocRoom {
    const name = `${namespace}\0${key}`;
    const room = this.#rooms.get(name) ?? new DocRoom(this.#parts, namespace, key);
    this.#rooms.delete(name);
    this.#makeRoom();
    this.#rooms.set(name, room);
    return room;
  }

  #makeRoom(): void {
    let bytes = [...this.#rooms.values()].reduce((sum, room) => sum + room.bytes, 0);
    for (const [name, room] of this.#rooms) {
      const fits =
        this.#rooms.size < limits.docsInMemoryMax && bytes <= limits.docsInMemoryBytesMax;
      if (fits) return;
      if (!room.isIdle) continue;
      bytes -= room.bytes;
      this.#rooms.delete(name);
      room.drop().catch(() => undefined); // the thread was lost or stops, and the document with it
    }
  }
}
