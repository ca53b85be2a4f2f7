/** Progress of what reads a file twice: first to see that it is whole. */
import { humanBytes } from "./terminal/human.ts";
import type { ProgressLine } from "./terminal/progress-line.ts";

export function readTwice(
  progress: ProgressLine,
  first: string,
  second: string,
): (at: { readonly bytes: number; readonly of: number }) => void {
  let before = 0;
  let doing = first;
  return ({ bytes, of }) => {
    if (before > 0 && bytes <= before) doing = second;
    before = bytes;
    progress.show(() => `${doing} ${humanBytes(bytes)} of ${humanBytes(of)}`);
  };
}
