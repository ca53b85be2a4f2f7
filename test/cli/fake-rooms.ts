/** Stand-ins for the rooms that the launcher hands in; they write down what they were asked. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CoterieError } from "../../src/core/errors.ts";
import type { Io } from "../../src/cli/io.ts";
import type { DaemonRoom, OfflineRoom } from "../../src/cli/loaders.ts";
import { startFake } from "./cli.ts";
import { fakeStatus, networkId, peerA } from "./fake-daemon.ts";

const lifetimeMs = 20_000;
const network = { id: networkId, name: "home" };

/** `COTERIE_FAKE` says how it goes: `refuse`, `crash`, `hang`, `stay` (is deaf to its end), else well. */
export const runDaemon: DaemonRoom["runDaemon"] = async (options) => {
  const { onReady, ...asked } = options;
  const { dataDir } = options;
  process.stderr.write("starting\n");
  setTimeout(() => process.exit(9), lifetimeMs); // a test that fails leaves nobody behind for long
  const how = process.env["COTERIE_FAKE"];
  if (how === "refuse") {
    throw new CoterieError("ALREADY_RUNNING", "a daemon runs here\u001b[2J already", {
      hint: "see coterie status",
    });
  }
  if (how === "crash") process.exit(7);
  if (how === "hang") await new Promise((resolve) => setTimeout(resolve, 60_000));
  const { state, stop } = await startFake(dataDir);
  writeFileSync(join(dataDir, "asked.json"), JSON.stringify(asked));
  const stopped = new Promise<void>((resolve) => {
    if (how === "stay") return;
    state.onShutdown = resolve;
    process.once("SIGTERM", () => resolve());
  });
  onReady({
    peerId: peerA,
    name: "falcon",
    network,
    addresses: ["/ip4/127.0.0.1/tcp/4001"],
    socketPath: join(dataDir, "control.sock"),
    dataDir,
    created: true,
    pid: process.pid,
  });
  await stopped;
  await stop();
  return 0;
};

export const initNode: OfflineRoom["initNode"] = async ({
  dataDir,
  name = "host",
  networkName = "home",
}) => ({
  peerId: peerA,
  name,
  network: { id: networkId, name: networkName },
  dataDir,
});

export const joinNode: OfflineRoom["joinNode"] = async ({ dataDir, ticket, name = "host" }) => {
  if (!ticket.startsWith("coterie1"))
    throw new CoterieError("BAD_TICKET", "this is not a Coterie ticket");
  return { peerId: peerA, name, network, dataDir, outcome: "joined" };
};

export const offlineDoctor: OfflineRoom["offlineDoctor"] = async () => ({
  checks: [
    { name: "runtime", verdict: "ok", detail: "Node 24", remedy: null },
    { name: "daemon", verdict: "fail", detail: "no daemon runs", remedy: "run: coterie up" },
  ],
});

export const configShow: OfflineRoom["configShow"] = async () => ({
  items: [{ key: "node.name", value: "offline", origin: "default" }],
});

export const configSet: OfflineRoom["configSet"] = async (dataDir, key, value) => {
  if (key !== "node.name") throw new CoterieError("BAD_CONFIG", `unknown key "${key}"`);
  writeFileSync(join(dataDir, "config.toml"), `${key} = ${JSON.stringify(value)}\n`);
};

export const configUnset: OfflineRoom["configUnset"] = async (dataDir, key) => {
  if (key !== "tags.role") throw new CoterieError("BAD_CONFIG", `unknown key "${key}"`);
  writeFileSync(join(dataDir, "config.toml"), "");
};

export async function main(args: string[], io: Io): Promise<number> {
  io.stdout.write(`${JSON.stringify({ args, version: fakeStatus("").version })}\n`);
  return 5;
}
