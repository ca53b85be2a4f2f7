/**
 * Cuts between namespaces: packets are dropped, as on a real network. With nftables whoever is not to hear drops what
 * arrives; without, whoever is not to be heard has no route (its kernel then says so to the daemon, unlike a real cut).
 */
import { CoterieError, toCoterieError } from "../../src/core/errors.ts";
import { cutFrom, deafTo } from "../cut.ts";
import type { TestnetRecord } from "../record.ts";
import { addressOf } from "./holder.ts";
import { entering, runInside, type Env } from "./tools.ts";

export type CutTool = "nft" | "route";

type Plan = Pick<TestnetRecord, "nodes" | "partition" | "oneWay" | "netns">;

/** Indexes of the nodes of whom `index` is to hear nothing. */
function unheardBy({ partition, oneWay }: Plan, index: number): number[] {
  return [...new Set([...cutFrom(partition, index), ...deafTo(oneWay, index)])];
}

/** A whole rule set; the one before goes in the same step. */
export function nftScript(unheard: readonly number[]): string {
  const fresh = "table inet coterie\ndelete table inet coterie\n";
  if (unheard.length === 0) return fresh;
  return [
    `${fresh}table inet coterie {`,
    "  chain input {",
    "    type filter hook input priority 0;",
    `    ip saddr { ${unheard.map(addressOf).join(", ")} } drop`,
    "  }",
    "}",
    "",
  ].join("\n");
}

function routeScript(unreached: readonly number[]): string {
  const routes = unreached.map((index) => `route add blackhole ${addressOf(index)}/32\n`);
  return `route flush type blackhole\n${routes.join("")}`;
}

function commandOf(plan: Plan, index: number, tool: CutTool): { words: string[]; input: string } {
  if (tool === "nft") {
    return { words: ["nft", "-f", "-"], input: nftScript(unheardBy(plan, index)) };
  }
  const others = plan.nodes.map((node) => node.index);
  const unreached = others.filter((other) => unheardBy(plan, other).includes(index));
  return { words: ["ip", "-batch", "-"], input: routeScript(unreached) };
}

/** Which tool there is, tried in the first node's namespace. */
export async function findCutTool(holderPid: number, env: Env): Promise<CutTool> {
  try {
    await runInside([...entering(holderPid, 0), "nft", "-f", "-"], nftScript([0]), env);
    await runInside([...entering(holderPid, 0), "nft", "-f", "-"], nftScript([]), env);
    return "nft";
  } catch {
    return "route"; // which `ip` can, and without `ip` there are no namespaces
  }
}

/** Makes the namespaces keep to the cut on record, whether their daemons run or not. Throws `PARTIAL`. */
export async function applyCut(plan: Plan, env: Env): Promise<void> {
  const { netns, nodes } = plan;
  if (netns === undefined) return;
  const results = await Promise.allSettled(
    nodes.map(({ index }) => {
      const { words, input } = commandOf(plan, index, netns.cutBy);
      return runInside([...entering(netns.holder.pid, index), ...words], input, env);
    }),
  );
  const failed = results.flatMap((result) => (result.status === "rejected" ? [result] : []));
  const [first] = failed;
  if (first === undefined) return;
  const { message } = toCoterieError(first.reason);
  throw new CoterieError(
    "PARTIAL",
    `${failed.length} of ${nodes.length} namespaces did not take the cut (${message})`,
    { hint: "run the same command again" },
  );
}
