import type { Call } from "./call.ts";
import { firstLine } from "./first-line.ts";
import { inputChunks, readInput } from "./read-input.ts";

const ticketBytesMax = 64 * 1024;

/** A ticket as given; `-` reads it from stdin, which keeps it out of the list of processes. */
export async function ticketWord(call: Call, given: string): Promise<string> {
  if (given !== "-") return given.trim();
  // a lifeline goes on after the ticket
  if (call.values.flag("lifeline")) {
    return (await firstLine(call.io.stdin, ticketBytesMax, "a ticket")).trim();
  }
  const bytes = await readInput(inputChunks("-", call.io.stdin), ticketBytesMax, "a ticket");
  return Buffer.from(bytes).toString("utf8").trim();
}
