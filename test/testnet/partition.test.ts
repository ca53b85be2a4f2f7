import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import type { Client } from "../../src/control/client.ts";
import { waitForAgreement } from "../../testnet/agreement.ts";
import type { LiveNode } from "../../testnet/nodes.ts";
import { Model } from "./model.ts";
import { patient, startTestnet } from "./testnet.ts";

const namespace = "default";
const putsPerSide = 200;

async function exportOf({ client }: LiveNode): Promise<string> {
  return (await buffer(client.kvExport(namespace, {}))).toString();
}

/** What `kv export` says, as a map. */
function contentOf(ndjson: string): Map<string, unknown> {
  const lines = ndjson.trimEnd().split("\n");
  return new Map(
    lines.map((line) => {
      const { key, value } = JSON.parse(line) as { key: string; value: unknown };
      return [key, value];
    }),
  );
}

async function countOf(client: Client, prefix: string): Promise<number> {
  return (await client.kvList(namespace, { prefix, limit: 10_000 })).items.length;
}

test(
  "both sides of a cut go on, and after heal every node has every acknowledged write",
  patient,
  async () => {
    const testnet = await startTestnet(6);
    const nodes = testnet.live();
    const sides = [nodes.slice(0, 3), nodes.slice(3)];
    const model = new Model(namespace);
    const before = ["updated over a delete", "deleted over an update", "deleted on one side"];
    for (const key of before) await model.put(nodes[0]!, key, "before");
    await testnet.json("converge");

    await testnet.json("partition", "0-2", "3-5");
    await Promise.all(
      sides.flatMap((side, at) =>
        side.map(async (node, own) => {
          for (let index = own; index < putsPerSide; index += side.length) {
            await model.put(node, `side-${at}/${index}`, `by ${node.node.name}`);
          }
        }),
      ),
    );
    const [left, right] = [nodes[1]!, nodes[4]!];
    await model.remove(left, "updated over a delete");
    await model.put(right, "updated over a delete", "after");
    await model.put(left, "deleted over an update", "after");
    await model.remove(right, "deleted over an update");
    await model.remove(right, "deleted on one side");

    for (const [at, side] of sides.entries()) {
      expect(await waitForAgreement(side, { timeoutMs: 10_000 })).toMatchObject({ equal: true });
      for (const { client } of side) {
        expect(await countOf(client, `side-${at}/`)).toBe(putsPerSide);
        expect(await countOf(client, `side-${1 - at}/`)).toBe(0);
      }
    }
    const cut = await testnet.run("converge", "--timeout", "200ms");
    expect(cut).toMatchObject({ code: 4, out: "" });
    expect(cut.err).toMatch(/no agreement .*(?:0-2 have .*3-5 have|3-5 have .*0-2 have)/);

    await testnet.json("kill", "5");
    await testnet.json("start", "5");
    const returned = testnet.live();
    const { blockedPeers } = await returned[5]!.client.faults();
    expect(new Set(blockedPeers)).toEqual(new Set(sides[0]!.map(({ node }) => node.peerId)));

    await testnet.json("heal");
    const { tookMs } = await testnet.json<{ tookMs: number }>("converge", "--timeout", "20s");
    expect(tookMs).toBeLessThan(20_000);
    const exports = await Promise.all(returned.map(exportOf));
    for (const [at, text] of exports.entries()) expect(text, `node ${at}`).toBe(exports[0]);
    expect(contentOf(exports[0]!)).toEqual(model.content());
    expect(model.content().size).toBe(2 * putsPerSide + 1);
  },
);
