import type { Call } from "./call.ts";
import { inputChunks, readInput } from "./read-input.ts";

const ticketBytesMax = 64 * 1024;

/** A ticket as given; `-` reads it from stdin, which keeps it out of the list of processes. */
export async function ticketWord(call: Call, given: string): Promise<string> {
  if (given !== "-") return given.trim();
  const bytes = await readInput(inputChunks("-", call.io.stdin), ticketBytesMax, "a ticket");
  return Buffer.from(bytes).toString("utf8").trim();
}
