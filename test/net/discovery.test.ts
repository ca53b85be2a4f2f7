import { expect, test } from "vitest";
import { chain, connectedAll, node, testNetwork, until } from "./fixture.ts";

test("ten nodes that each know their predecessor only find one another through the DHT", async () => {
  const nodes = await chain(10, testNetwork("chain"));
  await until("everyone has 5 connections", () => connectedAll(nodes, 5), 50_000);
  await until("everyone has all 9", () => connectedAll(nodes), 50_000);
  await until("the routing tables are full", () =>
    nodes.every((each) => each.dht().routingTableSize === 9),
  );
  expect(nodes.map((each) => each.dht().mode)).toEqual(nodes.map(() => "server"));
}, 120_000);

test("a ticket's address that answers late is tried until it does", async () => {
  const network = testNetwork("late");
  const first = await node(network);
  const bootstrap = first.addresses();
  const listen = [bootstrap[0]!.split("/p2p/")[0]!];
  await first.stop();
  const second = await node(network, { bootstrap });
  await until("it was tried", () => (second.metrics.read()["net.dials_failed"] ?? 0) > 0);
  const late = await first.restart({ listen });
  await until("they are connected", () => connectedAll([late, second]), 10_000);
});
