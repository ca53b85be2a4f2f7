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

test("with the connections it wants, a node gets no more but to those it is to keep, whose addresses others know", async () => {
  const network = testNetwork("few");
  const first = await node(network, { connectionsWanted: 1 });
  const bootstrap = first.addresses();
  const far = await node(network, { bootstrap, connectionsWanted: 1 });
  const near = await node(network, { bootstrap, connectionsWanted: 1 });
  await until("both are connected to the first", () => first.peers().length === 2);
  await until("the routing table has both", () => first.dht().routingTableSize === 2);
  await until("the DHT's own walk was refused a dial", () =>
    [far, near].some((each) => (each.metrics.read()["net.dials_unwanted"] ?? 0) > 0),
  );
  expect([far.peers().length, near.peers().length]).toEqual([1, 1]);
  near.keep([far.options.identity.peer]);
  await until("it is found", () => near.peers().length === 2, 10_000);
});

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
