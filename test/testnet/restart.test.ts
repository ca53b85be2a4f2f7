import { spawn } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { waitForAgreement } from "../../testnet/agreement.ts";
import { isRunning } from "../../testnet/process-identity.ts";
import { changeNode } from "../../testnet/record.ts";
import { waitUntilWhole } from "../../testnet/wholeness.ts";
import { patient, startTestnet } from "./testnet.ts";

const namespace = "default";
const value = { kind: "text", bytes: Buffer.from("v") } as const;

test(
  "four nodes that were all killed find each other again, on new ports and without a ticket",
  patient,
  async () => {
    const testnet = await startTestnet(4);
    const before = testnet.record.nodes;
    const processes = testnet.processes();
    await testnet.live()[2]!.client.kvPut(namespace, "written just before", value);
    expect(await testnet.json("kill", "0-3")).toEqual({ killed: [0, 1, 2, 3], stoppedBefore: [] });
    expect(processes.filter(isRunning)).toEqual([]);
    expect(await testnet.run("exec", "0", "--", "status")).toMatchObject({ code: 3 });

    await testnet.json("start", "0-3");
    const nodes = testnet.live();
    expect(nodes).toHaveLength(4);
    for (const { node } of nodes) {
      expect(node.peerId).toBe(before[node.index]?.peerId);
      expect(node.addresses[0]).not.toBe(before[node.index]?.addresses[0]);
    }
    expect(await waitUntilWhole(nodes, { timeoutMs: 30_000 })).toMatchObject({ whole: true });
    await nodes[0]!.client.kvPut(namespace, "written just after", value);
    expect(await waitForAgreement(nodes, { timeoutMs: 10_000 })).toMatchObject({ equal: true });
    for (const { client } of nodes) {
      const { items } = await client.kvList(namespace, {});
      expect(items.map(({ key }) => key)).toEqual(["written just after", "written just before"]);
    }

    const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    onTestFinished(() => void stranger.kill("SIGKILL"));
    await testnet.json("kill", "1");
    changeNode(testnet.dir, 1, { process: { pid: stranger.pid ?? 0, startedAt: "1" } });
    expect(await testnet.json("kill", "0-1")).toEqual({ killed: [0], stoppedBefore: [1] });
    await testnet.json("down");
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  },
);
