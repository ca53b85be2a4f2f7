/**
 * One node as a process: prints `up <address>` when it listens, `connected <n>` when that changes, and stops when told
 * `stop`. After that nothing keeps the process alive, unless something was left behind.
 * Arguments: network id and secret in hex, the address book's path, bootstrap addresses.
 */
import { createInterface } from "node:readline";
import { fromHex } from "../../src/core/codec.ts";
import { identityFromSeed } from "../../src/core/identity.ts";
import type { Log } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { startNet } from "../../src/host/net/libp2p-net.ts";
import { systemRandom } from "../../src/host/random.ts";

const [id, secret, addressBookFile, ...bootstrap] = process.argv.slice(2);
const log: Log = {
  error: console.error,
  warn: console.error,
  info: () => {},
  debug: () => {},
  trace: () => {},
  child: () => log,
};
const net = await startNet({
  identity: identityFromSeed(systemRandom.bytes(32)),
  network: { id: fromHex(id!), name: "child", secret: fromHex(secret!), epoch: 1 },
  listen: ["/ip4/127.0.0.1/tcp/0"],
  meetingPort: true,
  bootstrap,
  mdns: false,
  connectionsWanted: 20,
  connectionsMax: 100,
  addressBookFile: addressBookFile!,
  faults: false,
  clock: systemClock,
  random: systemRandom,
  log,
  metrics: createMetrics(),
});
net.onPeer(() => console.log(`connected ${net.connected().length}`));
net.pubsub.subscribe("coterie/test");
console.log(`up ${net.addresses()[0]}`);
const lines = createInterface(process.stdin);
lines.on("line", (line) => {
  if (line !== "stop") return;
  process.stdin.destroy();
  const startedAt = performance.now();
  void net.stop().then(() => console.log(`stopped ${Math.round(performance.now() - startedAt)}`));
});
