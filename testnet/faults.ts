/** Tells the daemons the faults on record: whom each must not reach, and what becomes of what others send it. */
import type { Faults, FaultyLink } from "../src/control/schema.ts";
import { CoterieError, toCoterieError } from "../src/core/errors.ts";
import { cutFrom, deafTo } from "./cut.ts";
import { applyCut } from "./netns/cut-rules.ts";
import { liveNodes, type LiveNode } from "./nodes.ts";
import { changeRecord, type TestnetRecord } from "./record.ts";

const answerMs = 5_000;

type Plan = Pick<TestnetRecord, "nodes" | "partition" | "oneWay" | "links" | "netns">;

const noCut: Pick<Plan, "partition" | "oneWay"> = { partition: null, oneWay: [] };

export type Failure = { readonly index: number; readonly reason: string };

/** For the daemon of one node. Between namespaces the network makes the cuts. On loopback both sides of a partition are told; a one-way cut or a link is its reader's alone. */
export function faultsOf(plan: Plan, index: number): Faults {
  const { nodes, links } = plan;
  const { partition, oneWay } = plan.netns === undefined ? plan : noCut;
  const peerOf = (other: number): string[] => [nodes[other]?.peerId ?? []].flat();
  const deaf = new Set(deafTo(oneWay, index));
  const shaped = links.filter(({ from, to }) => to === index && !deaf.has(from));
  return {
    blockedPeers: cutFrom(partition, index).flatMap(peerOf),
    links: [
      ...[...deaf].flatMap(peerOf).map((peerId): FaultyLink => ({ peerId, stall: true })),
      ...shaped.flatMap(({ from, shape }) =>
        peerOf(from).map((peerId): FaultyLink => ({ peerId, ...shape })),
      ),
    ],
  };
}

/** Makes the nodes keep to the faults on record. */
export async function applyFaults(
  nodes: readonly LiveNode[],
  record: TestnetRecord,
): Promise<Failure[]> {
  const results = await Promise.all(
    nodes.map(async ({ node, client }): Promise<Failure[]> => {
      try {
        await client.setFaults(faultsOf(record, node.index), { timeoutMs: answerMs });
        return [];
      } catch (error) {
        return [{ index: node.index, reason: toCoterieError(error).message }];
      }
    }),
  );
  return results.flat();
}

export function failureText(failures: readonly Failure[]): string {
  return failures.map(({ index, reason }) => `node ${index}: ${reason}`).join("; ");
}

/**
 * Puts a change of faults on record, and then tells the running nodes: one that is started or resumed from now on
 * keeps to it. Throws `PARTIAL` with who did not take it.
 */
export async function changeFaults(
  dir: string,
  change: (record: TestnetRecord) => Partial<Omit<Plan, "nodes">>,
): Promise<void> {
  const record = changeRecord(dir, (before) => ({ ...before, ...change(before) }));
  await applyCut(record, process.env);
  const nodes = liveNodes(record.nodes);
  const failures = await applyFaults(nodes, record);
  if (failures.length === 0) return;
  throw new CoterieError(
    "PARTIAL",
    `${failures.length} of ${nodes.length} running nodes did not take it (${failureText(failures)})`,
    { hint: "run the same command again" },
  );
}
