/** Partitions: every daemon is told, through its own gater, which peers it must not reach. */
import { toCoterieError } from "../src/core/errors.ts";
import type { LiveNode } from "./nodes.ts";
import type { TestnetRecord } from "./record.ts";

const answerMs = 5_000;

/** Indexes of the nodes from which `index` is cut: those of all other groups, nobody for a node in no group. */
export function cutFrom(partition: TestnetRecord["partition"], index: number): number[] {
  const own = partition?.find((group) => group.includes(index));
  if (partition === null || own === undefined) return [];
  return partition.filter((group) => group !== own).flat();
}

export type Failure = { readonly index: number; readonly reason: string };

/** Makes the nodes keep to the partition on record. Both sides of a cut are told, so that it is one in both directions. */
export async function applyCut(
  nodes: readonly LiveNode[],
  record: TestnetRecord,
): Promise<Failure[]> {
  const results = await Promise.all(
    nodes.map(async ({ node, client }): Promise<Failure[]> => {
      const blockedPeers = cutFrom(record.partition, node.index).flatMap(
        (index) => record.nodes[index]?.peerId ?? [],
      );
      try {
        await client.setFaults({ blockedPeers }, { timeoutMs: answerMs });
        return [];
      } catch (error) {
        return [{ index: node.index, reason: toCoterieError(error).message }];
      }
    }),
  );
  return results.flat();
}
