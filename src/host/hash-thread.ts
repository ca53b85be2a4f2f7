/** SHA-256 on a thread of its own, started when it is first asked. Buffers are handed over and back, never copied. */
import { limits } from "../core/limits.ts";
import type { Hashed, Hasher } from "../core/ports.ts";
import { WorkerThread } from "./worker-thread.ts";

export class HashThread implements Hasher {
  readonly #thread: WorkerThread;

  constructor() {
    const entry = import.meta.url.endsWith(".ts") ? "./hash-worker.ts" : "./hash-worker.js";
    this.#thread = new WorkerThread({
      entry: new URL(entry, import.meta.url),
      heapMiBMax: limits.hashHeapMiBMax,
      youngMiBMax: limits.hashYoungMiBMax,
      requestMsMax: limits.hashMsMax,
      waitingMax: limits.hashesWaitingMax,
    });
  }

  /** Also rejects with `OVERLOADED`, and with `SHUTTING_DOWN` once it is stopped. */
  async sha256(bytes: Uint8Array): Promise<Hashed> {
    // what the thread answers is `hash-worker.ts`'s
    return (await this.#thread.ask(bytes, [bytes.buffer as ArrayBuffer])) as Hashed;
  }

  stop(): Promise<void> {
    return this.#thread.stop();
  }
}
