import { expect, test } from "vitest";
import { CoterieError } from "../../src/core/errors.ts";
import { waitForAgreement } from "../../testnet/agreement.ts";
import { faultsOf } from "../../testnet/faults.ts";
import { nftScript } from "../../testnet/netns/cut-rules.ts";
import { holdNamespaces } from "../../testnet/netns/holder.ts";
import { isRunning } from "../../testnet/process-identity.ts";
import { waitUntil } from "../../testnet/wait-until.ts";
import { Model } from "./model.ts";
import { patient, Testnet } from "./testnet.ts";

/** Why this system has no namespaces for us; undefined when it has. */
async function refusal(): Promise<string | undefined> {
  try {
    await (await holdNamespaces(1, process.env)).stop();
    return undefined;
  } catch (error) {
    if (error instanceof CoterieError && error.code === "REFUSED") return error.message;
    throw error;
  }
}

test(
  "nodes in network namespaces are cut by the network, and nothing is left of it",
  patient,
  async ({ skip }) => {
    const reason = await refusal();
    skip(reason !== undefined, reason);
    const testnet = new Testnet();
    const { nodes } = await testnet.json<{ nodes: { addresses: string[] }[] }>(
      ...(["up", "-n", "3", "--net", "netns"] as const),
    );
    expect(nodes.map(({ addresses }) => addresses[0]?.split("/")[2])).toEqual([
      "10.77.0.1",
      "10.77.0.2",
      "10.77.0.3",
    ]);
    const { holder } = testnet.record.netns!;
    const model = new Model("default");
    const [a, b, c] = testnet.live() as [never, never, never];
    await model.put(a, "before", "1");
    await testnet.json("converge");

    await testnet.json("partition", "0", "1-2");
    await model.put(a, "left", "1");
    await model.put(b, "right", "1");
    expect(await waitForAgreement([b, c], { timeoutMs: 20_000 })).toMatchObject({ equal: true });
    await testnet.json("kill", "0");
    await testnet.json("start", "0");
    const back = testnet.live();
    expect(await back[0]!.client.faults()).toMatchObject({ blockedPeers: [] });
    const cut = await testnet.run("converge", "--timeout", "300ms");
    expect(cut.code).toBe(4);

    await testnet.json("heal");
    await testnet.json("converge");
    for (const { client } of back) {
      const { items } = await client.kvList("default", {});
      const content = new Map(items.map(({ key, value }) => [key, value]));
      expect(content).toEqual(model.content());
    }
    expect(await testnet.json("status")).toMatchObject({ net: "netns" });
    await testnet.json("down");
    expect(isRunning(holder)).toBe(false);
  },
);

test("namespaces of a command that died go with it", async ({ skip }) => {
  const reason = await refusal();
  skip(reason !== undefined, reason);
  const testnet = new Testnet();
  const command = testnet.spawn("up", "-n", "2", "--net", "netns");
  const begun = await waitUntil(() => testnet.processes().length > 0, { timeoutMs: 20_000 });
  expect(begun).toBe(true);
  const { holder } = testnet.record.netns!;
  command.kill("SIGKILL");
  expect(await waitUntil(() => !isRunning(holder), { timeoutMs: 10_000 })).toBe(true);
  expect((await testnet.run("down")).code).toBe(0);
});

test("between namespaces daemons are told of links, and the network of cuts", () => {
  const node = (index: number) => ({
    index,
    name: `node-${index}`,
    dataDir: "",
    listen: "",
    process: null,
    peerId: `peer-${index}`,
    socketPath: null,
    addresses: [],
  });
  const holder = { pid: 2, startedAt: "1" };
  const plan = {
    nodes: [node(0), node(1)],
    partition: [[0], [1]],
    oneWay: [],
    links: [{ from: 0, to: 1, shape: { latencyMs: 5 } }],
  };
  expect(faultsOf(plan, 1).blockedPeers).toEqual(["peer-0"]);
  const inside = { ...plan, netns: { holder, cutBy: "nft" as const } };
  expect(faultsOf(inside, 1)).toEqual({
    blockedPeers: [],
    links: [{ peerId: "peer-0", latencyMs: 5 }],
  });
  expect(nftScript([0, 2])).toContain("ip saddr { 10.77.0.1, 10.77.0.3 } drop");
  expect(nftScript([])).not.toContain("drop");
});
