/**
 * A worker thread that may be lost: it has a limit of memory, each request has one of time, and when it breaks either it
 * is ended and a new one takes its place. Requests are handed over one at a time, so that only the one under way is lost
 * with it. What the thread kept in memory is gone then: `generation` tells.
 */
import { Worker } from "node:worker_threads";
import { CoterieError, isErrorCode } from "../core/errors.ts";
import { systemClock } from "./clock.ts";

export type WorkerThreadOptions = {
  readonly entry: URL;
  readonly heapMiBMax: number;
  /** Garbage that V8 may let lie before it looks. */
  readonly youngMiBMax: number;
  readonly requestMsMax: number;
  readonly waitingMax: number;
};

/** What the thread answers: a value, or the code and message of an error. */
export type WorkerAnswer =
  | { readonly value: unknown }
  | { readonly error: { readonly code: string; readonly message: string; readonly hint?: string } };

type Waiting = {
  readonly request: unknown;
  readonly transfer: readonly ArrayBuffer[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: CoterieError) => void;
};

export class WorkerThread {
  readonly #options: WorkerThreadOptions;
  #worker: Worker | undefined;
  #generation = 0;
  #queue: Waiting[] = [];
  #current: (Waiting & { readonly cancel: () => void }) | undefined;
  #stopped = false;

  constructor(options: WorkerThreadOptions) {
    this.#options = options;
  }

  /** Changes whenever the thread has forgotten what it was told. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Rejects with what the thread threw, `TIMEOUT` or `TOO_LARGE` when the request broke its limits, `OVERLOADED` when too
   * many wait, `SHUTTING_DOWN`. Buffers in `transfer` are the thread's from when the request is handed over.
   */
  ask(request: unknown, transfer: readonly ArrayBuffer[] = []): Promise<unknown> {
    if (this.#stopped) return Promise.reject(stopping());
    if (this.#queue.length >= this.#options.waitingMax) {
      const message = "too many requests wait for the worker thread";
      return Promise.reject(new CoterieError("OVERLOADED", message, { hint: "try again" }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, transfer, resolve, reject });
      this.#next();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { reject } of this.#queue.splice(0)) reject(stopping());
    this.#finish()?.reject(stopping());
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) return;
    const worker = (this.#worker ??= this.#start());
    const { requestMsMax } = this.#options;
    const cancel = systemClock.after(requestMsMax, () => {
      this.#lose(worker, new CoterieError("TIMEOUT", `not done within ${requestMsMax / 1000} s`));
    });
    this.#current = { ...waiting, cancel };
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread has none
    worker.postMessage(waiting.request, waiting.transfer);
  }

  #start(): Worker {
    const { entry, heapMiBMax, youngMiBMax } = this.#options;
    const worker = new Worker(entry, {
      resourceLimits: { maxOldGenerationSizeMb: heapMiBMax, maxYoungGenerationSizeMb: youngMiBMax },
    });
    worker.unref();
    worker.on("message", (answer: WorkerAnswer) => {
      if (worker === this.#worker) this.#answered(answer);
    });
    worker.on("error", (error: NodeJS.ErrnoException) => {
      const isMemory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
      const reason = isMemory
        ? new CoterieError("TOO_LARGE", `this takes more than ${heapMiBMax} MiB of memory`)
        : new CoterieError("INTERNAL", `the worker thread failed: ${error.message}`);
      this.#lose(worker, reason);
    });
    worker.on("exit", () => {
      this.#lose(worker, new CoterieError("INTERNAL", "the worker thread ended"));
    });
    return worker;
  }

  #answered(answer: WorkerAnswer): void {
    const request = this.#finish();
    if ("value" in answer) request?.resolve(answer.value);
    else request?.reject(errorOf(answer.error));
    this.#next();
  }

  #finish(): Waiting | undefined {
    const request = this.#current;
    this.#current = undefined;
    request?.cancel();
    return request;
  }

  #lose(worker: Worker, reason: CoterieError): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    this.#generation++;
    void worker.terminate();
    this.#finish()?.reject(reason);
    this.#next();
  }
}

function errorOf({ code, message, hint }: { code: string; message: string; hint?: string }) {
  const known = isErrorCode(code) ? code : "INTERNAL";
  return new CoterieError(known, message, hint === undefined ? {} : { hint });
}

function stopping(): CoterieError {
  return new CoterieError("SHUTTING_DOWN", "the daemon is stopping");
}
