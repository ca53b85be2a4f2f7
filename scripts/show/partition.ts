import { waitForAgreement } from "../../testnet/agreement.ts";
import { formatNodeSet } from "../../testnet/node-set.ts";
import type { LiveNode } from "../../testnet/nodes.ts";
import type { Cluster } from "./cluster.ts";
import { demand, rounded, type Measure } from "./measure.ts";

const namespace = "default";
const puts = 1_000;
const settleMs = 60_000;

async function keysOn({ client }: LiveNode, prefix: string): Promise<number> {
  return (await client.kvList(namespace, { prefix, limit: 10_000 })).items.length;
}

/** Every node of the side puts its share, one after the other; resolves with the time it took all of them. */
async function putOn(side: readonly LiveNode[], prefix: string): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    side.map(async ({ client }, own) => {
      for (let index = own; index < puts; index += side.length) {
        const bytes = Buffer.from(`value ${index}`);
        await client.kvPut(namespace, `${prefix}${index}`, { kind: "text", bytes });
      }
    }),
  );
  return performance.now() - startedAt;
}

/** From the `heal` command to equal digests everywhere. */
export async function measurePartition(cluster: Cluster): Promise<Measure> {
  const nodes = cluster.nodes();
  const half = Math.ceil(nodes.length / 2);
  const sides = [nodes.slice(0, half), nodes.slice(half)];
  const sets = sides.map((side) => formatNodeSet(side.map(({ node }) => node.index)));
  await cluster.run("partition", ...sets);
  const putMs = await Promise.all(sides.map((side, at) => putOn(side, `cut/${at}/`)));
  for (const [at, side] of sides.entries()) {
    const { equal } = await waitForAgreement(side, { timeoutMs: settleMs });
    demand(equal, `side ${at} agrees within itself`);
    for (const node of side) {
      demand((await keysOn(node, `cut/${at}/`)) === puts, "a side reads all of its own keys");
      demand((await keysOn(node, `cut/${1 - at}/`)) === 0, "and none of the other's");
    }
  }
  const startedAt = performance.now();
  await cluster.run("heal");
  const healedAt = performance.now();
  const { equal, tookMs } = await waitForAgreement(nodes, { timeoutMs: settleMs });
  const value = rounded(performance.now() - startedAt);
  demand(equal, `all digests are equal within ${settleMs / 1_000} s`);
  const keys = await Promise.all(nodes.map((node) => keysOn(node, "cut/")));
  demand(
    keys.every((count) => count === 2 * puts),
    `every node has ${2 * puts} keys`,
  );
  return {
    what: `partition ${sets.join(" ")}, ${puts} puts a side, heal: equal digests`,
    wanted: 5_000,
    value,
    unit: "ms",
    details: {
      keysOnEach: 2 * puts,
      healCommandMs: rounded(healedAt - startedAt),
      afterItMs: rounded(tookMs),
      putsMsSlowerSide: rounded(Math.max(...putMs)),
    },
  };
}
