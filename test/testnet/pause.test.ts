import { expect, test } from "vitest";
import { isRunning } from "../../testnet/process-identity.ts";
import { waitUntil } from "../../testnet/wait-until.ts";
import { patient, startTestnet } from "./testnet.ts";

type States = { readonly nodes: readonly { readonly state: string }[] };
const value = { kind: "text", bytes: Buffer.from("v") } as const;

test(
  "a paused daemon does nothing, is what it was when it goes on, and can be killed and taken down",
  patient,
  async () => {
    const testnet = await startTestnet(3);
    const processes = testnet.processes();
    const states = async (): Promise<string[]> =>
      (await testnet.json<States>("status")).nodes.map(({ state }) => state);
    expect(await testnet.json("pause", "1-2")).toEqual({ paused: [1, 2], notRunning: [] });
    expect(await states()).toEqual(["running", "paused", "paused"]);
    expect(await testnet.json("pause", "1")).toEqual({ paused: [], notRunning: [1] });
    expect((await testnet.run("start", "1")).err).toContain("paused, and not started");
    await testnet.live()[0]!.client.kvPut("default", "meanwhile", value);
    await testnet.json("partition", "0", "1-2");

    expect(await testnet.json("resume", "0-1")).toEqual({ resumed: [1], notPaused: [0] });
    expect(processes.every(isRunning)).toBe(true);
    const [first, second] = testnet.live();
    expect(await second!.client.faults()).toMatchObject({ blockedPeers: [first!.node.peerId] });
    await testnet.json("heal");
    const arrived = (): Promise<boolean> =>
      second!.client.kvGet("default", "meanwhile").then(
        () => true,
        () => false,
      );
    expect(await waitUntil(arrived, { timeoutMs: 20_000 })).toBe(true);

    await testnet.json("pause", "1");
    expect(await testnet.json("kill", "2")).toEqual({ killed: [2], stoppedBefore: [] });
    await testnet.json("down");
    expect(processes.filter(isRunning)).toEqual([]);
  },
);
