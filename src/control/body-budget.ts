/** The memory that bodies of requests may take, over all requests together. */
import { CoterieError } from "../core/errors.ts";

export type BodyLease = {
  /** Throws `OVERLOADED` when all requests together would hold too much. */
  take(bytes: number): void;
  /** Gives back all that was taken. */
  release(): void;
};

export function createBodyBudget(bytesMax: number): () => BodyLease {
  let held = 0;
  return () => {
    let mine = 0;
    return {
      take(bytes) {
        if (held + bytes > bytesMax) {
          throw new CoterieError("OVERLOADED", "too many large requests at once");
        }
        held += bytes;
        mine += bytes;
      },
      release() {
        held -= mine;
        mine = 0;
      },
    };
  };
}
