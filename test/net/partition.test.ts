import { expect, test } from "vitest";
import { codedError } from "../coded-error.ts";
import {
  chain,
  connectedAll,
  node,
  testIdentity,
  testNetwork,
  until,
  type TestNode,
} from "./fixture.ts";

const names = (nodes: readonly TestNode[]): string[] => nodes.map(({ self }) => self);

test("a partition cuts all pairs at once, holds, and after heal all pairs are back within seconds", async () => {
  const nodes = await chain(8, testNetwork("partition"), () => ({ meetingPort: true }));
  await until("all know all", () => connectedAll(nodes));
  const [left, right] = [nodes.slice(0, 4), nodes.slice(4)];
  const block = (to: (each: TestNode) => string[]): Promise<unknown> =>
    Promise.all(nodes.map((each) => each.setBlocked(to(each))));
  await block((each) => names(left.includes(each) ? right : left));
  const apart = (): boolean => nodes.every((each) => each.connected().length === 3);
  await until("the sides are apart", apart, 5_000);
  const held = performance.now() + 1_500;
  await until("the cut holds", () => {
    expect(apart()).toBe(true);
    return performance.now() > held;
  });
  const heals = nodes.map((each, index) =>
    // one after the other, as a command over ten sockets would
    new Promise((resolve) => setTimeout(resolve, index * 30)).then(() => each.setBlocked([])),
  );
  await until("all pairs are back", () => connectedAll(nodes), 10_000);
  await Promise.all(heals);
});

test("one side's block is enough in both directions", async () => {
  const [first, second] = (await chain(2, testNetwork("one side"))) as [TestNode, TestNode];
  await until("both are connected", () => connectedAll([first, second]));
  await first.setBlocked([second.self]);
  await until("both know", () => first.connected().length + second.connected().length === 0, 5_000);
  const dial = (from: TestNode, to: TestNode): Promise<unknown> =>
    codedError(() => from.dial(to.addresses(), AbortSignal.timeout(3_000)), "UNREACHABLE");
  await dial(second, first);
  await dial(first, second);
  expect(first.blocked()).toEqual([second.self]);
  expect(first.metrics.read()["net.blocked"]).toBeGreaterThan(0);
  expect(first.connected().length + second.connected().length).toBe(0);
  await first.setBlocked([]);
  await until("they are back", () => connectedAll([first, second]), 10_000);
});

test("faults need the flag, and peer ids", async () => {
  const network = testNetwork("flag");
  const safe = await node(network, { faults: false });
  await codedError(() => safe.setBlocked([testIdentity().peer]), "FAULTS_DISABLED");
  await codedError(() => safe.setBlocked([]), "FAULTS_DISABLED");
  const open = await node(network);
  await codedError(() => open.setBlocked(["nobody"]), "BAD_REQUEST");
});

test("peers that dial one another at the same moment end up connected, with gossip both ways", async () => {
  const network = testNetwork("same moment");
  const [first, second] = [await node(network), await node(network)];
  const changes: boolean[] = [];
  first.onPeer((_peer, up) => changes.push(up));
  for (const each of [first, second]) each.pubsub.subscribe("coterie/test");
  const signal = AbortSignal.timeout(10_000);
  await Promise.all([
    first.dial(second.addresses(), signal),
    second.dial(first.addresses(), signal),
  ]);
  await until("both mesh", () =>
    [first, second].every((each) => each.pubsub.topics()[0]!.meshPeers === 1),
  );
  expect(changes).toEqual([true]);
  expect(first.peers()).toHaveLength(1);
});
