/** The same over real connections: who breaks the rules is cut off and stays out, and the others hear each other. */
import { expect, onTestFinished, test } from "vitest";
import { Driver } from "../../src/driver/driver.ts";
import { systemClock } from "../../src/host/clock.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { systemRandom } from "../../src/host/random.ts";
import { Roster } from "../../src/protocol/membership/roster.ts";
import { State } from "../../src/protocol/state/state.ts";
import { stateDigest } from "../../src/state-digest.ts";
import { chain, silentLog, testNetwork, until, type TestNode } from "../net/fixture.ts";
import { register } from "../state/fixture.ts";
import { temporaryFolder } from "../temporary-folder.ts";

type Honest = { readonly net: TestNode; readonly state: State; readonly driver: Driver };

function drive(net: TestNode): Honest {
  const { identity, network } = net.options;
  const store = openLmdbStore(temporaryFolder());
  const random = systemRandom;
  const state = new State({ store, identity, network: network.id, random, origin: "here" });
  const driver = new Driver({
    clock: systemClock,
    random,
    log: silentLog,
    metrics: net.metrics,
    store,
    net,
    pubsub: net.pubsub,
    state,
    roster: new Roster(identity.peer),
    identity,
    network: network.id,
    coalesceMs: 4,
    syncIntervalMs: () => 1_000,
  });
  driver.start();
  onTestFinished(async () => {
    driver.stop();
    await store.close();
  });
  return { net, state, driver };
}

test("a peer that sends garbage is disconnected and kept out, and batches go on between the others", async () => {
  const nodes = await chain(3, testNetwork("siege"));
  const [first, second, hostile] = nodes as [TestNode, TestNode, TestNode];
  const honest = [drive(first), drive(second)];
  await until("all know all", () => nodes.every((each) => each.connected().length === 2));

  const channel = await hostile.openSync(first.self, AbortSignal.timeout(5_000));
  await channel.send(new Uint8Array(100).fill(0xff));
  await until("it is cut off", () => !first.connected().includes(hostile.self));
  expect(first.metrics.read()).toMatchObject({ "peers.charged": 1, "peers.banned": 1 });
  await until("it has noticed", () => !hostile.connected().includes(first.self));
  await expect(hostile.dial(first.addresses(), AbortSignal.timeout(5_000))).rejects.toThrow();
  expect(first.connected()).toEqual([second.self]);
  expect(second.connected()).toContain(hostile.self);

  await until("the mesh is there", () =>
    honest.every(({ net }) => net.pubsub.topics().every(({ meshPeers }) => meshPeers > 0)),
  );
  const large = Array.from({ length: 100 }, (_, index) => register(`k ${index}`, "v".repeat(64)));
  await honest[0]!.driver.write("default", large);
  await honest[1]!.driver.write("default", [register("one", "x".repeat(250_000))]);
  await until("both are equal", () => {
    const [a, b] = honest.map(({ state }) => stateDigest(state).digest);
    return a === b && honest[0]!.state.summary("default").count === 101;
  });
  const pulled = honest.map(({ driver }) => driver.pullTraffic().bytesIn);
  expect(pulled[0]).toBeGreaterThan(250_000);
  expect(pulled[1]).toBeGreaterThan(6_400);
});
