/** The thread of `hash-thread.ts`. */
import { parentPort } from "node:worker_threads";
import { sha256 } from "../core/identity.ts";
import type { Hashed } from "../core/ports.ts";

parentPort?.on("message", (bytes: Uint8Array<ArrayBuffer>) => {
  // a copy, since the digest is a piece of a larger buffer, all of which would be sent
  const value: Hashed = { bytes, digest: sha256(bytes).slice() };
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has none
  parentPort?.postMessage({ value }, [bytes.buffer]);
});
