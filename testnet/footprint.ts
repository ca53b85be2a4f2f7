/** What daemons hold of the machine, before and after, to see what they do not give back. */
import { readdirSync } from "node:fs";
import type { LiveNode } from "./nodes.ts";

const answerMs = 10_000;

export type Footprint = {
  readonly index: number;
  readonly rssBytes: number;
  readonly connections: number;
  /** Open file descriptors, sockets of connections among them; null where the system does not list them. */
  readonly descriptors: number | null;
};

export async function footprintOf({ node, client }: LiveNode): Promise<Footprint> {
  const { connections, process } = await client.status({ timeoutMs: answerMs });
  const { rssBytes, pid } = process;
  return { index: node.index, rssBytes, connections, descriptors: descriptorsOf(pid) };
}

function descriptorsOf(pid: number): number | null {
  return process.platform === "linux" ? readdirSync(`/proc/${pid}/fd`).length : null;
}

/** A daemon's heap grows in its first minutes; what grows without end is seen in long runs. */
const rssGrowthBytesMax = 256 * 1024 * 1024;
/** The thread of documents, made at the first, and requests under way bring a dozen and more. */
const descriptorGrowthMax = 32;

/** What node after node holds beyond what it may; a node that was started meanwhile is measured by what it was. */
export function leaks(before: readonly Footprint[], after: readonly Footprint[]): string[] {
  return after.flatMap((now) => {
    const then = before.find(({ index }) => index === now.index);
    if (then === undefined) return [];
    const grownBytes = now.rssBytes - then.rssBytes;
    const grown = idle(now) - idle(then);
    return [
      ...(grownBytes > rssGrowthBytesMax
        ? [`node ${now.index} grew by ${Math.round(grownBytes / 2 ** 20)} MiB`]
        : []),
      ...(grown > descriptorGrowthMax
        ? [`node ${now.index} has ${grown} more open files beside its connections`]
        : []),
    ];
  });
}

function idle({ descriptors, connections }: Footprint): number {
  return (descriptors ?? connections) - connections;
}
