/** What happened in a run, in order, as one hash; and as lines for who wants to read it. */
import { createHash } from "node:crypto";

const chunkChars = 32_768;

export class Trace {
  readonly #hash = createHash("sha256");
  readonly #print: ((line: string) => void) | undefined;
  #waiting = "";

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  /** Everything that could tell two runs apart is to be noted here. */
  note(atMs: number, what: string): void {
    const line = `${atMs.toFixed(3)} ${what}\n`;
    this.#print?.(line.slice(0, -1));
    this.#waiting += line;
    if (this.#waiting.length > chunkChars) this.#flush();
  }

  /** SHA-256 of all lines, in hexadecimal; ends the trace. */
  finish(): string {
    this.#flush();
    return this.#hash.digest("hex");
  }

  #flush(): void {
    this.#hash.update(this.#waiting);
    this.#waiting = "";
  }
}

/** FNV-1a of some bytes, enough to see that they differ. */
export function checksum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  const step = Math.max(1, bytes.length >>> 7);
  for (let at = 0; at < bytes.length; at += step) {
    hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  }
  return (hash ^ bytes.length) >>> 0;
}
