import { join } from "node:path";
import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { toHex } from "../../src/core/codec.ts";
import type { NetworkKeys } from "../../src/core/ports.ts";
import { startChild, type Child } from "../start-child.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { node, testNetwork, until } from "./fixture.ts";

async function child(network: NetworkKeys, bootstrap: readonly string[]): Promise<Child> {
  const book = join(temporaryFolder(), "addresses.json");
  const started = startChild("net/net-child.ts", [
    toHex(network.id),
    toHex(network.secret),
    book,
    ...bootstrap,
  ]);
  await started.line((line) => line.startsWith("up "));
  return started;
}

test("a process that stops its node ends by itself, soon", async () => {
  const network = testNetwork("ends");
  const peer = await node(network);
  const started = await child(network, peer.addresses());
  await started.line((line) => line === "connected 1");
  started.say("stop");
  const stopped = await started.line((line) => line.startsWith("stopped "));
  const endedAt = performance.now();
  expect(Number(stopped.split(" ")[1])).toBeLessThan(3_000);
  expect(await started.exited).toBe(0);
  expect(performance.now() - endedAt).toBeLessThan(5_000);
  await until("the peer knows", () => peer.connected().length === 0, 5_000);
});

test("a killed process is missed at once, a frozen one within 20 seconds", async () => {
  const network = testNetwork("frozen");
  const peer = await node(network);
  const killed = await child(network, peer.addresses());
  const frozen = await child(network, peer.addresses());
  await until("both are connected", () => peer.connected().length === 2);
  await killed.kill("SIGKILL");
  await until("the killed one is missed", () => peer.connected().length === 1, 5_000);
  process.kill(frozen.pid, "SIGSTOP");
  await until("the frozen one is missed", () => peer.connected().length === 0, 20_000);
  process.kill(frozen.pid, "SIGCONT");
  await until("it is back", () => peer.connected().length === 1, 10_000);
}, 60_000);

test("stopping does not wait for a frozen peer", async () => {
  const network = testNetwork("stop");
  const peer = await node(network);
  const frozen = await child(network, peer.addresses());
  await until("it is connected", () => peer.connected().length === 1);
  process.kill(frozen.pid, "SIGSTOP");
  const startedAt = performance.now();
  await peer.stop();
  expect(performance.now() - startedAt).toBeLessThan(limits.netStopMs + 1_500);
});
