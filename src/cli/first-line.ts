/** Stdin as a line now and the rest later. */
import { CoterieError } from "../core/errors.ts";

/**
 * The first line without its end, or all there is if the stream ends before. What follows stays in the stream, which
 * is paused. Throws `TOO_LARGE` for a line of more than `charsMax`.
 */
export async function firstLine(
  stream: NodeJS.ReadStream,
  charsMax: number,
  what: string,
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = "";
  const read = (chunk: Buffer | string): void => {
    text += chunk.toString();
    if (text.includes("\n")) resolve(text);
    else if (text.length > charsMax)
      reject(new CoterieError("TOO_LARGE", `${what} is not that long`));
  };
  const end = (): void => resolve(text);
  stream.on("data", read).on("end", end);
  try {
    const [line = "", ...rest] = (await promise).split("\n");
    stream.pause();
    if (rest.join("\n") !== "") stream.unshift(Buffer.from(rest.join("\n")));
    return line;
  } finally {
    stream.off("data", read).off("end", end);
  }
}
