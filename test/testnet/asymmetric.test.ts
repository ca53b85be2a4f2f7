import { expect, test } from "vitest";
import type { LiveNode } from "../../testnet/nodes.ts";
import { waitUntil } from "../../testnet/wait-until.ts";
import { patient, startTestnet } from "./testnet.ts";

const namespace = "default";

const put = ({ client }: LiveNode, key: string): Promise<unknown> =>
  client.kvPut(namespace, key, { kind: "text", bytes: Buffer.from("v") });

const has = ({ client }: LiveNode, key: string): Promise<boolean> =>
  client.kvGet(namespace, key).then(
    () => true,
    () => false,
  );

const arrives = (node: LiveNode, key: string): Promise<boolean> =>
  waitUntil(() => has(node, key), { timeoutMs: 10_000 });

test(
  "a bridge reaches both sides, a one-way cut lets one direction through, and after heal all agree",
  patient,
  async () => {
    const testnet = await startTestnet(3);
    const [first, second, third] = testnet.live() as [LiveNode, LiveNode, LiveNode];

    await testnet.json("partition", "0-1", "1-2");
    expect((await first.client.faults()).blockedPeers).toEqual([third.node.peerId]);
    expect((await second.client.faults()).blockedPeers).toEqual([]);
    await put(first, "over the bridge");
    expect(await arrives(third, "over the bridge")).toBe(true);
    await testnet.json("heal");
    await testnet.json("converge");

    await testnet.json("partition", "0>1-2");
    await put(first, "unheard");
    await put(second, "heard");
    expect(await arrives(first, "heard")).toBe(true);
    expect(await arrives(third, "heard")).toBe(true);
    expect(await has(second, "unheard")).toBe(false);
    expect(await has(third, "unheard")).toBe(false);

    await testnet.json(
      "link",
      "0",
      "1",
      "--latency",
      "50ms",
      "--jitter",
      "10ms",
      "--rate",
      "1mbit",
    );
    const slow = { latencyMs: 50, jitterMs: 10, bitsPerSecond: 1e6 };
    const [one, two] = [first, second].map(({ node }) => node.peerId);
    expect((await first.client.faults()).links).toEqual([{ peerId: two, ...slow }]);
    expect((await second.client.faults()).links).toEqual([{ peerId: one, stall: true }]);
    await testnet.json("kill", "1");
    await testnet.json("start", "1");
    const returned = testnet.live()[1]!;
    expect((await returned.client.faults()).links).toEqual([{ peerId: one, stall: true }]);

    await testnet.json("heal");
    expect((await returned.client.faults()).links).toEqual([{ peerId: one, ...slow }]);
    await testnet.json("converge", "--timeout", "30s");
    for (const node of testnet.live()) expect(await has(node, "unheard")).toBe(true);
    expect((await testnet.run("status")).err).toContain("link 0 > 1: latency 50 ms");
    expect(await testnet.json("link", "--clear")).toEqual({ links: [] });
    expect((await first.client.faults()).links).toEqual([]);
  },
);
