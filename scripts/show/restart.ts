import { waitForAgreement } from "../../testnet/agreement.ts";
import { waitUntilWhole } from "../../testnet/wholeness.ts";
import type { Cluster } from "./cluster.ts";
import { demand, rounded, type Measure } from "./measure.ts";

const timeoutMs = 120_000;

/** All nodes killed and started again; from the `start` command until they have found each other and agree. */
export async function measureRestart(cluster: Cluster): Promise<Measure> {
  const all = `0-${cluster.count - 1}`;
  const addressOf = (): (string | undefined)[] =>
    cluster.nodes().map(({ node }) => node.addresses[0]);
  const before = addressOf();
  await cluster.run("kill", all);
  const startedAt = performance.now();
  await cluster.run("start", all);
  const readyAt = performance.now();
  const nodes = cluster.nodes();
  demand(nodes.length === cluster.count, "every node runs again");
  const { whole } = await waitUntilWhole(nodes, { timeoutMs });
  demand(whole, `they find each other within ${timeoutMs / 1_000} s`);
  const wholeAt = performance.now();
  const { equal } = await waitForAgreement(nodes, { timeoutMs });
  demand(equal, "they agree");
  const kept = addressOf().filter((address, at) => address === before[at]).length;
  demand(kept === 0, "every node has a new port");
  return {
    what: `all ${cluster.count} killed and started on new ports: whole again`,
    wanted: 30_000,
    value: rounded(performance.now() - startedAt),
    unit: "ms",
    details: {
      startCommandMs: rounded(readyAt - startedAt),
      foundMs: rounded(wholeAt - startedAt),
    },
  };
}
