/** Takes the first frame off a channel and leaves the rest. */
import { concatBytes } from "../../core/codec.ts";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import type { TunnelChannel } from "./ports.ts";

type Head<T> = T & { readonly size: number };

/**
 * Resolves with the frame and the channel without it. Rejects `TIMEOUT` when it is not whole by the deadline; whoever
 * calls this aborts the channel then.
 */
export async function takeHead<T>(
  channel: TunnelChannel,
  decode: (bytes: Uint8Array) => Head<T> | undefined,
  { clock, withinMs }: { readonly clock: Clock; readonly withinMs: number },
): Promise<{ head: T; rest: TunnelChannel }> {
  const chunks = channel.chunks[Symbol.asyncIterator]();
  const cancel = clock.after(withinMs, () => {
    channel.abort(new CoterieError("TIMEOUT", "the first frame of a tunnel did not come"));
  });
  try {
    let bytes: Uint8Array = new Uint8Array(0);
    for (;;) {
      const head = decode(bytes);
      if (head !== undefined) {
        return { head, rest: without(channel, bytes.subarray(head.size), chunks) };
      }
      if (bytes.length > limits.tunnelHeadBytesMax) {
        throw new CoterieError("BAD_FORMAT", "the first frame of a tunnel is too long");
      }
      const next = await chunks.next();
      if (next.done) throw new CoterieError("UNREACHABLE", "the tunnel ended before it began");
      bytes = concatBytes(bytes, next.value);
    }
  } finally {
    cancel();
  }
}

function without(
  channel: TunnelChannel,
  first: Uint8Array,
  chunks: AsyncIterator<Uint8Array>,
): TunnelChannel {
  const others = (async function* () {
    if (first.length > 0) yield first;
    for (;;) {
      const next = await chunks.next();
      if (next.done) return;
      yield next.value;
    }
  })();
  return {
    peer: channel.peer,
    chunks: others,
    write: (chunk) => channel.write(chunk),
    end: () => channel.end(),
    abort: (reason) => channel.abort(reason),
  };
}
