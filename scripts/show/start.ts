import type { Cluster } from "./cluster.ts";
import { demand, rounded, type Measure } from "./measure.ts";

/** From the command to its end, which is when every node counts all members and is connected to five or more. */
export async function measureStart(cluster: Cluster): Promise<Measure> {
  const startedAt = performance.now();
  await cluster.run("up", "-n", String(cluster.count));
  const value = rounded(performance.now() - startedAt);
  const statuses = await Promise.all(cluster.nodes().map(({ client }) => client.status()));
  const members = Math.min(...statuses.map((status) => status.members.alive));
  const connections = Math.min(...statuses.map((status) => status.connections));
  demand(members === cluster.count, `every node counts ${cluster.count} members`);
  demand(connections >= Math.min(5, cluster.count - 1), "every node is connected to five others");
  const what = `testnet up -n ${cluster.count}: all members, 5 connections or more`;
  return { what, wanted: 20_000, value, unit: "ms", details: { members, connections } };
}
