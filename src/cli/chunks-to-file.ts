import type { Call } from "./call.ts";
import { openFileSink } from "./file-sink.ts";
import { humanBytes } from "./terminal/human.ts";
import { ProgressLine } from "./terminal/progress-line.ts";

/** Writes them to a file that appears when it is whole, with progress on stderr; resolves with their bytes. */
export async function chunksToFile(
  call: Call,
  chunks: AsyncIterable<Uint8Array>,
  file: string,
): Promise<number> {
  const sink = await openFileSink(file);
  const progress = new ProgressLine(call.io.stderr);
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      await sink.write(chunk);
      bytes += chunk.length;
      progress.show(() => humanBytes(bytes));
    }
    await sink.finish();
  } catch (error) {
    await sink.abandon();
    throw error;
  } finally {
    progress.clear();
  }
  return bytes;
}
