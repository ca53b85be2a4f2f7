import { expect, test } from "vitest";
import { concatBytes } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { codedError } from "../coded-error.ts";
import { chain, connectedAll, insideOf, testNetwork, until, type TestNode } from "./fixture.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

function hashOf(content: number): Uint8Array {
  return concatBytes(Uint8Array.of(0x12, 0x20), sha256(Uint8Array.of(content)));
}

async function found(by: TestNode, hash: Uint8Array): Promise<string[]> {
  const names: string[] = [];
  for await (const peer of by.providers.find(hash, signal())) names.push(peer);
  return names.toSorted();
}

test("who provides a hash is found by the others, not by itself, and can be reached unconnected", async () => {
  const nodes = await chain(4, testNetwork("provide"), () => ({ connectionsWanted: 2 }));
  await until("all have peers", () => connectedAll(nodes, 1));
  const [first, second, third, last] = nodes as [TestNode, TestNode, TestNode, TestNode];
  const known = (): boolean => nodes.every((each) => each.dht().routingTableSize > 0);
  await until("the DHT knows somebody", known);
  await first.providers.provide(hashOf(1), signal());
  await second.providers.provide(hashOf(1), signal());
  const finds = (by: TestNode) => expect.poll(() => found(by, hashOf(1)), { timeout: 20_000 });
  await finds(third).toEqual([first.self, second.self].toSorted());
  await finds(first).toEqual([second.self]);
  expect(await found(third, hashOf(2))).toEqual([]);
  // whoever was only heard of is dialled
  first.bulk.on("test", { handle: (channel) => void channel.end() });
  await finds(last).toContain(first.self);
  for (const connection of insideOf(last).getConnections()) {
    if (connection.remotePeer.toString() === first.self) await connection.close();
  }
  await until("they are apart", () => !last.connected().includes(first.self), 5_000);
  expect((await last.bulk.open(first.self, "test", signal())).lane).toBe("direct");
  await codedError(() => found(last, Uint8Array.of(1, 2)), "BAD_FORMAT");
});
