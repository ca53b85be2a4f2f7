/**
 * `testnet.json`: what a testnet consists of, for the commands that come later. It is there before the first node is
 * started and gone after the last one, every state of it is whole (written beside and renamed), and a process stands
 * in it as soon as it exists: whenever a command is killed, `down` finds what it left.
 */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { Type, type Static } from "typebox";
import { Check } from "typebox/schema";
import { CoterieError, toCoterieError } from "../src/core/errors.ts";

const NullableText = Type.Union([Type.String(), Type.Null()]);

const Process = Type.Object({
  pid: Type.Integer({ minimum: 2 }),
  startedAt: Type.String({ minLength: 1 }),
});

const NodeRecord = Type.Object({
  index: Type.Integer({ minimum: 0 }),
  name: Type.String(),
  dataDir: Type.String(),
  /** What it is told to listen on; the port is its own choice. */
  listen: Type.String(),
  /** Null before the first start and after `kill`. */
  process: Type.Union([Process, Type.Null()]),
  /** As the daemon said when it was ready. */
  peerId: NullableText,
  socketPath: NullableText,
  addresses: Type.Array(Type.String()),
});
export type NodeRecord = Static<typeof NodeRecord>;

const NodeIndex = Type.Integer({ minimum: 0 });
const NodeIndexes = Type.Array(NodeIndex);

/** What `from` sends does not reach `to`. */
const OneWayCut = Type.Object({ from: NodeIndexes, to: NodeIndexes });
export type OneWayCut = Static<typeof OneWayCut>;

/** What happens to what one node sends to another. */
const Shape = Type.Object({
  latencyMs: Type.Optional(Type.Number()),
  jitterMs: Type.Optional(Type.Number()),
  bitsPerSecond: Type.Optional(Type.Number()),
  stall: Type.Optional(Type.Boolean()),
  resetPerSecond: Type.Optional(Type.Number()),
});
export type Shape = Static<typeof Shape>;

const Link = Type.Object({ from: NodeIndex, to: NodeIndex, shape: Shape });
export type Link = Static<typeof Link>;

/** Of a testnet whose nodes have network namespaces: who holds these, and what cuts them. */
const Netns = Type.Object({
  holder: Process,
  cutBy: Type.Union([Type.Literal("nft"), Type.Literal("route")]),
});

const TestnetRecord = Type.Object({
  version: Type.Literal(1),
  /** `starting` until `up` has let its daemons go. */
  phase: Type.Union([Type.Literal("starting"), Type.Literal("up")]),
  nodes: Type.Array(NodeRecord, { minItems: 1, maxItems: 254 }),
  /** Nodes are cut from those with whom they share no group; null when healed. */
  partition: Type.Union([Type.Array(NodeIndexes), Type.Null()]),
  oneWay: Type.Array(OneWayCut),
  links: Type.Array(Link),
  /** Absent when the nodes are on loopback. */
  netns: Type.Optional(Netns),
});
export type TestnetRecord = Static<typeof TestnetRecord>;

const fileName = "testnet.json";
/** Left behind by a command that was killed while it wrote. */
const unfinished = /^testnet\.json\.\d+$/;

function recordPath(dir: string): string {
  return join(dir, fileName);
}

/** Where node `index` lives; derived and never read from the record, since `down` deletes it. */
export function nodeDir(dir: string, index: number): string {
  return join(dir, `node-${index}`);
}

/**
 * Makes the folder and the first record, for nodes that listen on these addresses; returns the folder's real path.
 * Throws `ALREADY_INITIALISED` or `BAD_DATA_DIR` for a folder in use.
 */
export function createRecord(
  folder: string,
  listen: readonly string[],
  netns?: TestnetRecord["netns"],
): string {
  const dir = freshFolder(folder);
  const nodes = listen.map((address, index) => ({
    index,
    name: `node-${index}`,
    dataDir: nodeDir(dir, index),
    listen: address,
    process: null,
    peerId: null,
    socketPath: null,
    addresses: [],
  }));
  const temporary = writeBeside(dir, {
    version: 1,
    phase: "starting",
    nodes,
    partition: null,
    oneWay: [],
    links: [],
    ...(netns === undefined ? {} : { netns }),
  });
  try {
    // unlike a rename, a link does not replace what another command has put there meanwhile
    linkSync(temporary, recordPath(dir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw inUse(dir);
    throw unusable("write", dir, error);
  } finally {
    rmSync(temporary);
  }
  return dir;
}

function freshFolder(folder: string): string {
  let dir: string;
  let found: string[];
  try {
    mkdirSync(folder, { recursive: true });
    dir = realpathSync(folder);
    found = readdirSync(dir).filter((name) => !unfinished.test(name));
  } catch (error) {
    throw unusable("use", folder, error);
  }
  if (found.includes(fileName)) throw inUse(dir);
  if (found.length > 0) {
    throw new CoterieError("BAD_DATA_DIR", `${dir} is not empty`, {
      hint: "choose another folder with --dir",
    });
  }
  return dir;
}

function inUse(dir: string): CoterieError {
  return new CoterieError("ALREADY_INITIALISED", `there is a testnet in ${dir} already`, {
    hint: `look at it with: coterie testnet status --dir ${dir}; end it with: coterie testnet down --dir ${dir}`,
  });
}

function unusable(what: string, path: string, cause: unknown): CoterieError {
  const message = `cannot ${what} ${path}: ${toCoterieError(cause).message}`;
  return new CoterieError("BAD_DATA_DIR", message, { cause });
}

/** Throws `NOT_FOUND` where there is no testnet, `BAD_DATA_DIR` for a record that cannot be trusted. */
export function readRecord(folder: string): { dir: string; record: TestnetRecord } {
  let dir: string;
  let text: string;
  try {
    dir = realpathSync(folder);
    text = readFileSync(recordPath(dir), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw unusable("read", folder, error);
    throw new CoterieError("NOT_FOUND", `there is no testnet in ${resolve(folder)}`, {
      hint: "start one with: coterie testnet up -n 5; or name its folder with --dir",
    });
  }
  return { dir, record: checked(dir, text) };
}

function checked(dir: string, text: string): TestnetRecord {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch (error) {
    throw unusable("read", recordPath(dir), error);
  }
  if (!Check(TestnetRecord, record)) {
    throw new CoterieError("BAD_DATA_DIR", `${recordPath(dir)} is no record of a testnet`, {
      hint: "it was changed by hand, or written by another version of Coterie",
    });
  }
  // a copy names the processes of the original
  const moved = record.nodes.find(
    ({ index, dataDir }, at) => index !== at || dataDir !== nodeDir(dir, at),
  );
  if (moved === undefined) return record;
  throw new CoterieError("BAD_DATA_DIR", `the testnet in ${dir} was made at ${moved.dataDir}`, {
    hint: "a folder that was moved goes back where it was; a copy is deleted by hand",
  });
}

/** Reads, changes and writes the record in one go, so that two commands do not undo each other's changes. */
export function changeRecord(
  dir: string,
  change: (record: TestnetRecord) => TestnetRecord,
): TestnetRecord {
  const changed = change(readRecord(dir).record);
  renameSync(writeBeside(dir, changed), recordPath(dir));
  return changed;
}

/** As `changeRecord`, for one node. */
export function changeNode(dir: string, index: number, change: Partial<NodeRecord>): void {
  changeRecord(dir, (record) => ({
    ...record,
    nodes: record.nodes.map((node) => (node.index === index ? { ...node, ...change } : node)),
  }));
}

function writeBeside(dir: string, record: TestnetRecord): string {
  const path = `${recordPath(dir)}.${process.pid}`;
  try {
    writeFileSync(path, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600, flush: true });
    return path;
  } catch (error) {
    throw unusable("write", path, error);
  }
}

/**
 * Removes everything that the testnet has made, its record last, and the folder if nothing else is in it. Daemons
 * that were killed leave their sockets, which lie in a folder of their own elsewhere where the path here is too long.
 */
export function removeFiles(dir: string, record: TestnetRecord): void {
  for (const { index, socketPath } of record.nodes) {
    const elsewhere = /^\/.*\/coterie-\w{6}(?=\/control\.sock$)/.exec(socketPath ?? "")?.[0];
    if (elsewhere !== undefined) rmSync(elsewhere, { recursive: true, force: true });
    rmSync(nodeDir(dir, index), { recursive: true, force: true, maxRetries: 5 });
  }
  for (const name of readdirSync(dir)) {
    if (unfinished.test(name)) rmSync(join(dir, name));
  }
  rmSync(recordPath(dir));
  if (readdirSync(dir).length === 0) rmdirSync(dir);
}
