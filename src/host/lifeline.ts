/**
 * Ties this process to the one that started it until that one lets go: whoever starts daemons holds their standard input
 * open and writes the line `release` once all is well. If the input ends before, the starter is gone, and so are we.
 */
const release = "release";
const bytesMax = 1024;

/** Calls `lost` when standard input ends before it said `release`. */
export function watchLifeline(lost: () => void): void {
  const input = process.stdin;
  let text = "";
  let released = false;
  input.setEncoding("utf8");
  input.on("data", (chunk: string) => {
    text = (text + chunk).slice(0, bytesMax);
    if (text.split("\n").slice(0, -1).includes(release)) {
      released = true;
      input.destroy();
    }
  });
  const ended = (): void => {
    if (!released) lost();
  };
  input.on("end", ended);
  input.on("error", ended);
}
