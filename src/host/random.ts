/** The machine's randomness behind the `Random` port: `bytes` for keys and nonces, `float` for jitter. */
import { randomBytes } from "node:crypto";
import type { Random } from "../core/ports.ts";

export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  float: () => Math.random(),
};
