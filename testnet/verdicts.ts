/** What nodes say of one another: who is alive, suspect, failed or gone. */
import type { Member } from "../src/control/schema.ts";
import { formatNodeSet } from "./node-set.ts";
import type { LiveNode } from "./nodes.ts";
import type { NodeRecord } from "./record.ts";
import { waitUntil, type WaitOptions } from "./wait-until.ts";

const everyMs = 250;
const answerMs = 5_000;

/** `unknown` of a member that is not listed, `silent` when the observer does not answer. */
export type Verdict = Member["status"] | "unknown" | "silent";

/** A node that says of another what is not wanted. */
export type Dissent = { readonly node: number; readonly about: number; readonly says: Verdict };

export type Verdicts = { readonly tookMs: number; readonly dissents: readonly Dissent[] };

async function dissentsOf(
  { node, client }: LiveNode,
  about: readonly NodeRecord[],
  wanted: Verdict,
): Promise<Dissent[]> {
  let said: ReadonlyMap<string, Verdict> | undefined;
  try {
    const { members } = await client.members({}, { timeoutMs: answerMs });
    said = new Map(members.map(({ peerId, status }) => [peerId, status]));
  } catch {
    said = undefined; // an answer like another: it says nothing of anybody
  }
  return about.flatMap(({ index, peerId }) => {
    const says = said === undefined ? "silent" : (said.get(peerId ?? "") ?? "unknown");
    return says === wanted || index === node.index
      ? []
      : [{ node: node.index, about: index, says }];
  });
}

/** Resolves when all observers say `wanted` of all of `about`, or when the time is up; what they say of themselves does not count. */
export async function waitForVerdicts(
  observers: readonly LiveNode[],
  about: readonly NodeRecord[],
  wanted: Verdict,
  options: WaitOptions,
): Promise<Verdicts> {
  const startedAt = performance.now();
  let dissents: Dissent[] = [];
  await waitUntil(
    async () => {
      const found = await Promise.all(observers.map((each) => dissentsOf(each, about, wanted)));
      dissents = found.flat();
      return dissents.length === 0;
    },
    { everyMs, ...options },
  );
  return { tookMs: performance.now() - startedAt, dissents };
}

/** `0-3 say that 4 is alive; 2 says that 5 is suspect`. */
export function dissentsText(dissents: readonly Dissent[]): string {
  const claims = Map.groupBy(dissents, ({ about, says }) => `${about} is ${says}`);
  const texts = [...claims].map(([claim, found]) => {
    const nodes = formatNodeSet(found.map(({ node }) => node).toSorted((a, b) => a - b));
    return `${nodes} ${found.length === 1 ? "says" : "say"} that ${claim}`;
  });
  return texts.join("; ");
}
