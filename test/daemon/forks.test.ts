/** Writers that fork, as people see it: an equivocator, and a data directory put back from an older copy. */
import { copyFileSync, cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../src/host/clock.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { startNet } from "../../src/host/net/libp2p-net.ts";
import { systemRandom } from "../../src/host/random.ts";
import { joinNode, loadNode } from "../../src/offline.ts";
import { encodeBundleMessage } from "../../src/protocol/gossip/message.ts";
import { stateTopic } from "../../src/protocol/gossip/topics.ts";
import { silent } from "../hostile/arena.ts";
import { makeBatch, register } from "../state/fixture.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { until, type DaemonProcess } from "./daemon-process.ts";
import { daemonOfTest } from "./fixture.ts";
import { connected, joining } from "./pair.ts";

vi.setConfig({ testTimeout: 60_000 });

async function forkOf(at: DaemonProcess, peerId: string): Promise<string | null | undefined> {
  const { members } = await at.client.members();
  return members.find((member) => member.peerId === peerId)?.fork;
}

async function pairOf(folder: string): Promise<[one: DaemonProcess, other: DaemonProcess]> {
  const one = await daemonOfTest({ dataDir: join(folder, "one"), words: ["--name", "one"] });
  const words = ["--name", "other", ...(await joining(one))];
  const other = await daemonOfTest({ dataDir: join(folder, "other"), words });
  await connected(one, other);
  return [one, other];
}

/** Joins as a member does, and says two things at one place. */
async function equivocate(dataDir: string, at: DaemonProcess): Promise<string> {
  const { ticket } = await at.client.invite();
  await joinNode({ dataDir, ticket });
  const { identity, network, bootstrap, paths } = await loadNode(dataDir);
  const net = await startNet({
    identity,
    network,
    listen: ["/ip4/127.0.0.1/tcp/0"],
    meetingPort: false,
    bootstrap,
    mdns: false,
    connectionsWanted: 20,
    connectionsMax: 100,
    addressBookFile: paths.addresses,
    faults: false,
    clock: systemClock,
    random: systemRandom,
    log: silent,
    metrics: createMetrics(),
  });
  onTestFinished(() => net.stop());
  const topic = stateTopic(network.id, "default");
  net.pubsub.subscribe(topic);
  const hearers = () => net.pubsub.topics().find((each) => each.topic === topic)?.subscribers ?? 0;
  await until("both daemons listen", () => hearers() >= 2);
  const writer = { identity, nonce: new Uint8Array(8).fill(6) };
  const stamp = BigInt(Date.now()) << 16n;
  const said = ["yes", "no"].map((value, index) => {
    const entries = [register(`said/${value}`, value)];
    return makeBatch({ writer, network: network.id, stamp: stamp + BigInt(index), entries });
  });
  for (const batch of said) await net.pubsub.publish(topic, encodeBundleMessage(batch.bundle())!);
  return identity.peer;
}

test("a member that says two things at one place is an equivocator to every daemon", async () => {
  const folder = temporaryFolder();
  const daemons = await pairOf(folder);
  const peerId = await equivocate(join(folder, "liar"), daemons[0]);
  const words = ["--name", "late", ...(await joining(daemons[1]))];
  const late = await daemonOfTest({ dataDir: join(folder, "late"), words });
  for (const daemon of [...daemons, late]) {
    await until("it is seen", async () => (await forkOf(daemon, peerId)) === "equivocator");
    const { members } = await daemon.client.members();
    const accused = members.filter(({ fork }) => fork !== null);
    expect(accused.map((member) => member.peerId)).toEqual([peerId]);
    const { items } = await daemon.client.kvList("default", { prefix: "said/" });
    expect(items.map(({ key }) => key)).toEqual(["said/no", "said/yes"]);
    const proofs = await daemon.client.kvList("sys", { prefix: "forks/" });
    expect(proofs.items).toHaveLength(1);
  }
});

/** A daemon that went on after its store was copied, was killed, and found the copy in the store's place. */
async function putBack(
  folder: string,
  inPlace: boolean,
): Promise<{ one: DaemonProcess; back: DaemonProcess; writer: string }> {
  const [one, other] = await pairOf(folder);
  const { dataDir } = other.info;
  const words = ["--name", "other"];
  await say(other, "before", true);
  await other.kill();
  const [store, copy] = [join(dataDir, "store"), join(folder, "copy")];
  cpSync(store, copy, { recursive: true });
  const again = await daemonOfTest({ dataDir, words });
  await connected(one, again);
  await say(again, "since", true);
  await until("it has spread", async () => (await keys(one)) === "before since 2 2 2");
  const { writer } = await again.client.identity();
  await again.kill();
  if (!inPlace) for (const name of readdirSync(store)) rmSync(join(store, name));
  for (const name of readdirSync(copy)) copyFileSync(join(copy, name), join(store, name));
  process.kill(one.info.pid, "SIGSTOP"); // so that the other writes before it meets anybody
  return { one, back: await daemonOfTest({ dataDir, words }), writer };
}

async function say(at: DaemonProcess, name: string, counts: boolean): Promise<void> {
  const value = { kind: "text", bytes: Buffer.from(name) } as const;
  await at.client.kvPut("default", name, value);
  await at.client.setChange("default", "s", { add: [name] });
  await at.client.logAppend("default", "l", value);
  if (counts) await at.client.counterAdd("default", "c", 1);
}

async function keys(at: DaemonProcess): Promise<string> {
  const { items } = await at.client.kvList("default", { prefix: "" });
  const { value } = await at.client.counterGet("default", "c");
  const members = await at.client.setMembers("default", "s", {});
  const log = await at.client.logTail("default", "l", { limit: 100 });
  const counts = [members.items.length, log.items.length, value];
  return [...items.map(({ key }) => key), ...counts].join(" ");
}

function forks(daemon: DaemonProcess): number {
  return daemon.log().filter(({ message }) => message.startsWith("somebody else signed")).length;
}

test("an older data directory written over the newer one ends as forked, and no write is lost", async () => {
  const { one, back, writer } = await putBack(temporaryFolder(), true);
  expect((await back.client.identity()).writer).toBe(writer);
  await say(back, "after", false);
  process.kill(one.info.pid, "SIGCONT");
  await connected(one, back);
  for (const daemon of [one, back]) {
    await until("it is seen", async () => (await forkOf(daemon, back.info.peerId)) === "forked");
    expect(await forkOf(daemon, one.info.peerId)).toBeNull();
  }
  expect((await back.client.identity()).writer).not.toBe(writer);
  await back.client.counterAdd("default", "c", 1);
  for (const daemon of [one, back]) {
    await until("all is there", async () => (await keys(daemon)) === "after before since 3 3 3");
  }
  expect([forks(one), forks(back)]).toEqual([0, 1]);
});

test("an older data file in the place of the newer one never signs as the newer one did", async () => {
  const { one, back, writer } = await putBack(temporaryFolder(), false);
  process.kill(one.info.pid, "SIGCONT");
  expect((await back.client.identity()).writer).not.toBe(writer);
  await say(back, "after", true);
  await connected(one, back);
  for (const daemon of [one, back]) {
    await until("all is there", async () => (await keys(daemon)) === "after before since 3 3 3");
    expect(await forkOf(daemon, back.info.peerId)).toBeNull();
  }
  expect([forks(one), forks(back)]).toEqual([0, 0]);
});
