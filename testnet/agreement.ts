/** Whether nodes have the same state: equal digests mean equal state, and equal counts say it again. */
import { formatNodeSet } from "./node-set.ts";
import type { LiveNode } from "./nodes.ts";
import { waitUntil, type WaitOptions } from "./wait-until.ts";

/** Asked more often, ten nodes on two cores spend much of their time on answering instead of agreeing. */
const everyMsMin = 250;
const everyMsPerNode = 20;
const answerMs = 5_000;

/** Nodes with one and the same state; null digest and entries for those that did not answer. */
export type Party = {
  readonly nodes: readonly number[];
  readonly entries: number | null;
  readonly digest: string | null;
};

export type Agreement = {
  readonly equal: boolean;
  readonly tookMs: number;
  /** The largest first; one when all agree. */
  readonly parties: readonly Party[];
};

async function viewOf({ client }: LiveNode): Promise<Omit<Party, "nodes">> {
  try {
    const { entries, digest } = (await client.status({ timeoutMs: answerMs })).state;
    return { entries, digest };
  } catch {
    return { entries: null, digest: null }; // to the caller an answer like another: it cannot agree
  }
}

async function parties(nodes: readonly LiveNode[]): Promise<Party[]> {
  const views = await Promise.all(nodes.map(viewOf));
  const groups = Map.groupBy(nodes.keys(), (at) => JSON.stringify(views[at]));
  return [...groups.values()]
    .map((members) => ({
      nodes: members.map((at) => nodes[at]!.node.index),
      ...views[members[0]!]!,
    }))
    .toSorted((a, b) => b.nodes.length - a.nodes.length);
}

/** Resolves when all nodes agree or the time is up. */
export async function waitForAgreement(
  nodes: readonly LiveNode[],
  options: WaitOptions,
): Promise<Agreement> {
  const startedAt = performance.now();
  const everyMs = Math.max(everyMsMin, everyMsPerNode * nodes.length);
  let found: Party[] = [];
  const equal = await waitUntil(
    async () => {
      found = await parties(nodes);
      return found.length === 1 && found[0]?.digest !== null;
    },
    { everyMs, ...options },
  );
  return { equal, tookMs: performance.now() - startedAt, parties: found };
}

/** `0-2 have 12 entries (digest ab12cd34)`. */
export function partyText({ nodes, entries, digest }: Party): string {
  const who = formatNodeSet(nodes);
  if (digest === null) return `${who} do not answer`;
  return `${who} have ${entries} entries (digest ${digest.slice(0, 8)})`;
}
