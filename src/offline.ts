/**
 * What can be done with a data directory while no daemon runs in it. Everything is written under the daemon's own
 * lock, file by file, each whole or absent, and `network.json` last: a directory is a node once that file is there,
 * and whatever an interruption leaves before that is completed by running the command again.
 */
import { existsSync } from "node:fs";
import { defaultConfigText, loadConfig, setConfigValue, unsetConfigValue } from "./config.ts";
import type { ConfigFlags, ConfigItem, LoadedConfig } from "./config.ts";
import type { TomlFile } from "./config-toml.ts";
import { equalBytes, toHex } from "./core/codec.ts";
import { CoterieError } from "./core/errors.ts";
import type { Identity } from "./core/identity.ts";
import { nameFault } from "./core/name.ts";
import { createNetwork, networkNonceBytes, networkSecretBytes } from "./core/network.ts";
import type { NetworkOrigin, NetworkRecord } from "./core/network.ts";
import type { NetworkKeys } from "./core/ports.ts";
import { decodeTicket, type Ticket } from "./core/ticket.ts";
import { dataDirPaths, prepareDataDir, type DataDirPaths } from "./host/data-dir.ts";
import { runDoctor, type DoctorCheck } from "./host/doctor.ts";
import { readTextFile, removeTemporaries, writeFileAtomic } from "./host/files.ts";
import { acquireLock } from "./host/lock.ts";
import {
  ensureIdentity,
  ensureOwner,
  readBootstrap,
  readIdentity,
  readNetwork,
  readOwnerOf,
  writeBootstrap,
  writeNetwork,
} from "./host/node-files.ts";
import { systemRandom } from "./host/random.ts";

/** A node as `init` and `join` report it. */
export type NodeInfo = {
  readonly peerId: string;
  readonly name: string;
  readonly network: { readonly id: string; readonly name: string };
  readonly dataDir: string;
};

/** What a daemon needs of its data directory. */
export type LoadedNode = {
  readonly paths: DataDirPaths;
  readonly identity: Identity;
  readonly network: NetworkKeys;
  /** What the network id is the hash of; known where the network was made. */
  readonly origin: NetworkOrigin | undefined;
  /** The owner's identity, if this node made the network. */
  readonly owner: Identity | undefined;
  /** Addresses with peer ids, from tickets. */
  readonly bootstrap: readonly string[];
};

/**
 * Makes an identity and a private network. Throws `ALREADY_INITIALISED` for a directory that is a node already,
 * `ALREADY_RUNNING` while another process works on it.
 */
export async function initNode(options: {
  readonly dataDir: string;
  readonly name?: string;
  /** The node's name, if not given. */
  readonly networkName?: string;
}): Promise<NodeInfo> {
  return withLock(options.dataDir, async (paths) => {
    const known = await readNetwork(paths);
    if (known !== undefined) throw alreadyInitialised(paths, known.keys);
    const nodeName = await prepareConfig(paths, options.name);
    const networkName = options.networkName ?? nodeName;
    const fault = nameFault(networkName);
    if (fault !== undefined) throw new CoterieError("USAGE", `network name: ${fault}`);
    const identity = await ensureIdentity(paths);
    const owner = await ensureOwner(paths);
    const { record } = createNetwork({
      name: networkName,
      ownerSeed: owner.seed,
      secret: systemRandom.bytes(networkSecretBytes),
      nonce: systemRandom.bytes(networkNonceBytes),
    });
    await writeBootstrap(paths, []);
    await writeNetwork(paths, record);
    return infoOf(paths, identity, nodeName, record.keys);
  });
}

/** `renewed`: the ticket brought a newer secret of the network this node is in; `merged`: it brought addresses. */
export type JoinOutcome = "joined" | "merged" | "renewed";

/**
 * Makes the directory a node of the ticket's network, or adds the ticket's addresses to one. Throws `BAD_TICKET`,
 * `ALREADY_INITIALISED` for a node of another network, and `WRONG_NETWORK` for an older or contradicting secret.
 */
export async function joinNode(options: {
  readonly dataDir: string;
  readonly ticket: string;
  readonly name?: string;
}): Promise<NodeInfo & { readonly outcome: JoinOutcome }> {
  const ticket = decodeTicket(options.ticket);
  return withLock(options.dataDir, async (paths) => {
    const known = await readNetwork(paths);
    const { outcome, record } = judgeTicket(paths, known, ticket);
    const nodeName = await prepareConfig(paths, options.name);
    const identity = await ensureIdentity(paths);
    const others = ticket.addresses.filter((address) => !address.endsWith(`/${identity.peer}`));
    const kept = known === undefined ? [] : await readBootstrap(paths);
    await writeBootstrap(paths, [...others, ...kept]);
    if (record !== known) await writeNetwork(paths, record);
    return { ...infoOf(paths, identity, nodeName, record.keys), outcome };
  });
}

/** What a ticket makes of the network this directory is in; the known record itself when it stays. */
function judgeTicket(
  paths: DataDirPaths,
  known: NetworkRecord | undefined,
  { network }: Ticket,
): { outcome: JoinOutcome; record: NetworkRecord } {
  if (known === undefined) {
    return { outcome: "joined", record: { keys: network, origin: undefined } };
  }
  const ours = known.keys;
  if (!equalBytes(ours.id, network.id)) throw alreadyInitialised(paths, ours);
  if (network.epoch > ours.epoch) {
    const keys = { ...ours, secret: network.secret, epoch: network.epoch };
    return { outcome: "renewed", record: { ...known, keys } };
  }
  if (network.epoch < ours.epoch) {
    throw new CoterieError(
      "WRONG_NETWORK",
      `the ticket has the secret of epoch ${network.epoch}; this node is at ${ours.epoch} already`,
      { hint: "nothing to do; if this node cannot connect, ask a member for a new ticket" },
    );
  }
  if (equalBytes(ours.secret, network.secret)) return { outcome: "merged", record: known };
  throw new CoterieError(
    "WRONG_NETWORK",
    "the ticket names this network but has another secret of the same epoch",
    { hint: "one of the two is forged: ask the member who gave you the ticket" },
  );
}

/** Throws `NOT_INITIALISED`, or `BAD_IDENTITY` or `BAD_DATA_DIR` for what is broken. Takes no lock. */
export async function loadNode(dataDir: string): Promise<LoadedNode> {
  const paths = dataDirPaths(dataDir);
  const record = await readNetwork(paths);
  if (record === undefined) {
    throw new CoterieError("NOT_INITIALISED", `${dataDir} is not a node yet`, {
      hint: "run: coterie up, or with a ticket: coterie join TICKET",
    });
  }
  prepareDataDir(dataDir);
  const identity = await readIdentity(paths);
  if (identity === undefined) {
    throw new CoterieError("BAD_IDENTITY", `${paths.identity}: is missing`, {
      hint: "restore it from a backup; without one, join again with another --data-dir",
    });
  }
  return {
    paths,
    identity,
    network: record.keys,
    origin: record.origin,
    owner: await readOwnerOf(paths, record),
    bootstrap: await readBootstrap(paths),
  };
}

/** The node of a data directory, made first if there is none: what `coterie up` starts with. */
export async function ensureNode(options: {
  readonly dataDir: string;
  readonly name?: string;
}): Promise<{ node: LoadedNode; created: boolean }> {
  try {
    return { node: await loadNode(options.dataDir), created: false };
  } catch (error) {
    if (!(error instanceof CoterieError && error.code === "NOT_INITIALISED")) throw error;
  }
  await initNode(options);
  return { node: await loadNode(options.dataDir), created: true };
}

/** The settings a daemon started now would have. Throws `BAD_CONFIG`. */
export async function readConfig(dataDir: string, flags: ConfigFlags = {}): Promise<LoadedConfig> {
  const file = await readConfigFile(dataDirPaths(dataDir));
  return loadConfig({ file, env: process.env, flags });
}

export async function configShow(dataDir: string): Promise<{ items: ConfigItem[] }> {
  const { items } = await readConfig(dataDir);
  return { items: [...items] };
}

/** Writes one setting to the configuration file; throws `BAD_CONFIG` and leaves the file alone when it is wrong. */
export async function configSet(dataDir: string, key: string, value: string): Promise<void> {
  await changeConfig(dataDir, (file) => setConfigValue(file, key, value));
}

/** Takes one setting out of the configuration file; throws as `configSet`. */
export async function configUnset(dataDir: string, key: string): Promise<void> {
  await changeConfig(dataDir, (file) => unsetConfigValue(file, key));
}

async function changeConfig(dataDir: string, change: (file: TomlFile) => string): Promise<void> {
  const paths = dataDirPaths(dataDir);
  const known = await readConfigFile(paths);
  const text = change(known ?? { path: paths.config, text: defaultConfigText() });
  prepareDataDir(dataDir);
  await writeFileAtomic(paths.config, text);
}

/** The checks that need no daemon. */
export async function offlineDoctor(dataDir: string): Promise<{ checks: DoctorCheck[] }> {
  return { checks: await runDoctor({ dataDir }) };
}

async function readConfigFile(paths: DataDirPaths): Promise<TomlFile | undefined> {
  const text = await readTextFile(paths.config, { code: "BAD_CONFIG" });
  return text === undefined ? undefined : { path: paths.config, text };
}

/** Makes the configuration file if there is none, sets the node's name if one is given, and returns the name. */
async function prepareConfig(paths: DataDirPaths, name: string | undefined): Promise<string> {
  const known = await readConfigFile(paths);
  const file = known ?? { path: paths.config, text: defaultConfigText() };
  const text = name === undefined ? file.text : setConfigValue(file, "node.name", name);
  const { config } = loadConfig({ file: { ...file, text }, env: process.env });
  if (text !== known?.text) await writeFileAtomic(paths.config, text);
  return config.node.name;
}

async function withLock<T>(dataDir: string, work: (paths: DataDirPaths) => Promise<T>): Promise<T> {
  prepareDataDir(dataDir);
  const lock = await acquireLock(dataDir);
  try {
    await removeTemporaries(dataDir);
    const paths = dataDirPaths(dataDir);
    if (existsSync(paths.restoring)) throw halfRestored(dataDir);
    return await work(paths);
  } finally {
    lock.release();
  }
}

/** What lies there is of a network that this is not a node of yet, and would be taken for another's. */
function halfRestored(dataDir: string): CoterieError {
  return new CoterieError("BAD_DATA_DIR", `a restore into ${dataDir} was interrupted`, {
    hint: "run it again: coterie restore FILE; or remove the folder",
  });
}

function alreadyInitialised({ root }: DataDirPaths, { name, id }: NetworkKeys): CoterieError {
  const network = `network ${JSON.stringify(name)} (${toHex(id).slice(0, 12)})`;
  return new CoterieError("ALREADY_INITIALISED", `${root} already is a node of ${network}`, {
    hint: "start it with: coterie up; for another network use another --data-dir",
  });
}

function infoOf(
  { root }: DataDirPaths,
  { peer }: Identity,
  name: string,
  network: NetworkKeys,
): NodeInfo {
  return {
    peerId: peer,
    name,
    network: { id: toHex(network.id), name: network.name },
    dataDir: root,
  };
}
