import { expect, test } from "vitest";
import type { NetworkKeys } from "../../src/core/ports.ts";
import type { NetOptions } from "../../src/host/net/libp2p-net.ts";
import { meetingPortOf } from "../../src/host/net/meeting-port.ts";
import {
  chain,
  connectedAll,
  hastyClock,
  node,
  testNetwork,
  until,
  type TestNode,
} from "./fixture.ts";

/** All stopped, then all started again on new ports, with nothing but their address books. */
async function restartAll(nodes: readonly TestNode[]): Promise<TestNode[]> {
  await Promise.all(nodes.map((each) => each.stop()));
  return Promise.all(nodes.map((each) => each.restart({ bootstrap: [] })));
}

async function wholeAgain(
  network: NetworkKeys,
  listenOf: (index: number) => string,
): Promise<void> {
  const nodes = await chain(5, network, (index) => ({
    listen: [listenOf(index)],
    meetingPort: true,
  }));
  await until("all know all", () => connectedAll(nodes));
  const before = nodes.flatMap((each) => each.addresses());
  const after = await restartAll(nodes);
  const ports = after.flatMap((each) => each.addresses().slice(0, 1));
  expect(ports.filter((address) => before.includes(address))).toEqual([]);
  await until("whole again", () => connectedAll(after));
}

test("five nodes on five addresses come back on new ports and find one another", async () => {
  await wholeAgain(testNetwork("addresses"), (index) => `/ip4/127.0.${index + 1}.5/tcp/0`);
});

test("five nodes on one address come back on new ports and find one another", async () => {
  await wholeAgain(testNetwork("ports"), () => "/ip4/127.0.0.1/tcp/0");
});

test("whoever gets the meeting port keeps it, and the next takes it over", async () => {
  const network = testNetwork("take over");
  const first = await holder(network);
  const second = await node(network, { meetingPort: true, clock: hastyClock(10) });
  expect(isHolder(second)).toBe(false);
  await first.stop();
  await until("the second took it", () => isHolder(second));
});

test("a ticket to the meeting port leads to whoever holds it now", async () => {
  const network = testNetwork("ticket");
  const first = await holder(network);
  const [meeting] = first.ticketAddresses();
  expect(meeting).toContain(`/tcp/${meetingPortOf(network)}/p2p/${first.self}`);
  await first.stop();
  const second = await holder(network);
  const third = await node(network, { meetingPort: true, bootstrap: [meeting!] });
  await until("they met", () => connectedAll([second, third]));
  const fourth = await node(network, { meetingPort: true });
  await fourth.dial([meeting!], AbortSignal.timeout(5_000));
  expect(fourth.connected()).toContain(second.self);
});

/** A node that got the meeting port; another program's outgoing connection may be in its way for a moment. */
async function holder(network: NetworkKeys): Promise<TestNode> {
  const each = await node(network, { meetingPort: true, clock: hastyClock(10) });
  await until("it holds the meeting port", () => isHolder(each));
  return each;
}

function isHolder(each: TestNode): boolean {
  const port = meetingPortOf(each.options.network);
  return each.addresses().some((address) => address.includes(`/tcp/${port}/`));
}

test("the meeting port follows from the network id and stays clear of low ports", () => {
  const ports = Array.from({ length: 200 }, (_, index) =>
    meetingPortOf(testNetwork("port", { id: new Uint8Array(32).fill(index) })),
  );
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(20_000);
  expect(Math.max(...ports)).toBeLessThan(60_000);
  expect(new Set(ports).size).toBeGreaterThan(195);
});

test("a lost peer that comes back is connected within the back-off", async () => {
  const network = testNetwork("back");
  const [first, second] = (await chain(2, network)) as [TestNode, TestNode];
  await until("both are connected", () => connectedAll([first, second]));
  const port = /\/tcp\/(\d+)/.exec(first.addresses()[0]!)?.[1];
  await first.stop();
  await until("it is missed", () => second.connected().length === 0);
  const again = await first.restart({ listen: [`/ip4/127.0.0.1/tcp/${port}`], bootstrap: [] });
  await until("it is back", () => connectedAll([again, second]), 10_000);
});

test("a node that was only ever dialled proves and keeps its callers' addresses", async () => {
  const network = testNetwork("inbound");
  const [first, second] = (await chain(2, network)) as [TestNode, TestNode];
  await until("the caller's address is proven", () => first.ticketAddresses().length === 2);
  expect(first.ticketAddresses()[1]).toBe(second.addresses()[0]);
  expect(first.peers()).toMatchObject([{ peerId: second.self, direction: "inbound" }]);
  const again = await first.restart();
  await until("it calls by itself", () => again.connected().length === 1);
});

test("a node that is stopped just after it was dialled keeps its caller's address", async () => {
  const network = testNetwork("early");
  const [first, second] = (await chain(2, network)) as [TestNode, TestNode];
  await until("both are connected", () => connectedAll([first, second]));
  const port = /\/tcp\/(\d+)/.exec(first.addresses()[0]!)?.[1];
  const again = await first.restart();
  expect(again.addresses()[0]).not.toContain(`/tcp/${port}/`);
  await until("it calls by itself", () => again.connected().length === 1);
  expect(again.peers()).toMatchObject([{ peerId: second.self, direction: "outbound" }]);
});

test("a member whose address is nowhere recorded is looked for at this machine's meeting port", async () => {
  const network = testNetwork("nowhere");
  const first = await holder(network);
  const second = await node(network, { meetingPort: true });
  second.keep([first.self]);
  await until("they met", () => connectedAll([first, second]));
});

test("ticket addresses are bounded and begin with the own ones", async () => {
  const nodes = await chain(4, testNetwork("tickets"));
  await until("all know all", () => connectedAll(nodes));
  const last = nodes.at(-1)!;
  await until("others are proven", () => last.ticketAddresses().length === 4);
  expect(last.ticketAddresses()[0]).toBe(last.addresses()[0]);
});

test("connections wanted and at most are respected", async () => {
  const few: Partial<NetOptions> = { connectionsMax: 2 };
  const hub = await node(testNetwork("limit"), few);
  const network = hub.options.network;
  const bootstrap = hub.addresses();
  const guests = await Promise.all(
    Array.from({ length: 4 }, () => node(network, { bootstrap, connectionsWanted: 1 })),
  );
  await until("the hub is full", () => hub.connected().length === 2);
  await until("the others were refused", () =>
    guests.some((guest) => (guest.metrics.read()["net.dials_failed"] ?? 0) > 1),
  );
  expect(hub.connected().length).toBeLessThanOrEqual(2);
});
