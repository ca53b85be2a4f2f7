/**
 * A tunnel and a socket joined: what comes out of one goes into the other, under the slower one's back-pressure, and each
 * half closes when its source does. What breaks on one side breaks the other.
 */
import { once } from "node:events";
import type { Duplex } from "node:stream";
import { toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import { IdleWatch } from "./idle-watch.ts";
import type { TunnelChannel } from "./ports.ts";

export type Traffic = { bytesIn: number; bytesOut: number };

/** Resolves when both halves are closed or one side broke; then nothing is left open. `in` is what came by the tunnel. */
export async function splice(
  channel: TunnelChannel,
  socket: Duplex,
  { clock, traffic }: { readonly clock: Clock; readonly traffic: Traffic },
): Promise<void> {
  const breakOff = (error: unknown): void => {
    channel.abort(toCoterieError(error));
    socket.destroy();
  };
  socket.on("error", breakOff); // also one that nobody reads or writes at the moment
  socket.once("close", () => {
    if (!socket.readableEnded || !socket.writableFinished) breakOff(new Error("the socket closed"));
  });
  const idle = new IdleWatch(clock, limits.tunnelIdleMs, () => {
    breakOff(new Error("no byte moved for too long"));
  });
  try {
    await Promise.all([
      toSocket(channel, socket, (bytes) => ((traffic.bytesIn += bytes), idle.touch())),
      toChannel(socket, channel, (bytes) => ((traffic.bytesOut += bytes), idle.touch())),
    ]);
  } catch (error) {
    breakOff(error);
  } finally {
    idle.stop();
  }
}

async function toSocket(
  channel: TunnelChannel,
  socket: Duplex,
  moved: (bytes: number) => void,
): Promise<void> {
  for await (const chunk of channel.chunks) {
    moved(chunk.length);
    if (!socket.write(chunk)) await drained(socket);
  }
  socket.end();
}

async function toChannel(
  socket: Duplex,
  channel: TunnelChannel,
  moved: (bytes: number) => void,
): Promise<void> {
  // by default the end of this half destroys the other one, in some versions of Node
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    moved((chunk as Uint8Array).length);
    await channel.write(chunk as Uint8Array);
  }
  await channel.end();
}

async function drained(socket: Duplex): Promise<void> {
  if (socket.destroyed) throw new Error("the socket closed");
  const gone = new AbortController();
  const leave = (): void => gone.abort(new Error("the socket closed"));
  socket.once("close", leave);
  try {
    await once(socket, "drain", { signal: gone.signal });
  } finally {
    socket.off("close", leave);
  }
}
