/** What `status`, `up` and `start` print of a testnet. */
import { basename } from "node:path";
import type { Status } from "../src/control/schema.ts";
import { toCoterieError } from "../src/core/errors.ts";
import { connect, stateOf, type NodeState } from "./nodes.ts";
import type { Column, Output } from "./output.ts";
import type { NodeRecord, TestnetRecord } from "./record.ts";

const answerMs = 5_000;

export type NodeReport = {
  readonly index: number;
  readonly name: string;
  readonly state: NodeState;
  readonly pid: number | null;
  readonly peerId: string | null;
  readonly dataDir: string;
  readonly socketPath: string | null;
  readonly addresses: readonly string[];
  /** Of the partition; null when there is none, or when the node is in no group. */
  readonly group: number | null;
  /** As the daemon says; null when it does not answer. */
  readonly connections: number | null;
  readonly members: number | null;
  readonly entries: number | null;
  readonly digest: string | null;
  readonly rssBytes: number | null;
  /** Since it started. */
  readonly cpuMs: number | null;
  /** Why it does not answer though it runs. */
  readonly error: string | null;
};

type Facts = Pick<
  NodeReport,
  "connections" | "members" | "entries" | "digest" | "rssBytes" | "cpuMs" | "error"
>;

const noFacts: Facts = {
  connections: null,
  members: null,
  entries: null,
  digest: null,
  rssBytes: null,
  cpuMs: null,
  error: null,
};

function factsOf({ connections, members, state, process: own }: Status): Facts {
  const { entries, digest } = state;
  const { rssBytes, cpuMs } = own;
  return { connections, members: members.alive, entries, digest, rssBytes, cpuMs, error: null };
}

async function ask(node: NodeRecord): Promise<Facts> {
  try {
    return factsOf(await connect(node).client.status({ timeoutMs: answerMs }));
  } catch (error) {
    return { ...noFacts, error: toCoterieError(error).message };
  }
}

export async function reportNode(node: NodeRecord, record: TestnetRecord): Promise<NodeReport> {
  const { index, name, peerId, dataDir, socketPath, addresses } = node;
  const state = stateOf(node);
  const group = record.partition?.findIndex((members) => members.includes(index)) ?? -1;
  return {
    index,
    name,
    state,
    pid: node.process?.pid ?? null,
    peerId,
    dataDir,
    socketPath,
    addresses,
    group: group < 0 ? null : group,
    ...(state === "running" ? await ask(node) : noFacts),
  };
}

export function reportNodes(record: TestnetRecord): Promise<NodeReport[]> {
  return Promise.all(record.nodes.map((node) => reportNode(node, record)));
}

const columns: readonly Column<NodeReport>[] = [
  { title: "NODE", text: ({ index }) => index },
  { title: "STATE", text: ({ state, error }) => (error === null ? state : "no answer") },
  { title: "PID", text: ({ pid }) => pid },
  {
    title: "PEER",
    text: ({ peerId }) => peerId,
    short: ({ peerId }) => (peerId === null ? "-" : `..${peerId.slice(-8)}`),
  },
  {
    title: "ADDRESS",
    text: ({ addresses }) => addresses[0] ?? null,
    short: ({ addresses }) => addresses[0]?.replace(/\/p2p\/.*/, "") ?? "-",
  },
  { title: "CONNS", text: ({ connections }) => connections },
  { title: "MEMBERS", text: ({ members }) => members },
  { title: "ENTRIES", text: ({ entries }) => entries },
  {
    title: "DIGEST",
    text: ({ digest }) => digest,
    short: ({ digest }) => digest?.slice(0, 8) ?? "-",
  },
  { title: "GROUP", text: ({ group }) => group },
  { title: "DATA", text: ({ dataDir }) => dataDir, short: ({ dataDir }) => basename(dataDir) },
  {
    title: "RSS",
    text: ({ rssBytes }) => rssBytes,
    short: ({ rssBytes }) => (rssBytes === null ? "-" : `${Math.round(rssBytes / 2 ** 20)} MiB`),
  },
  {
    title: "CPU",
    text: ({ cpuMs }) => (cpuMs === null ? null : Math.round(cpuMs)),
    short: ({ cpuMs }) => (cpuMs === null ? "-" : `${(cpuMs / 1_000).toFixed(1)} s`),
  },
];

export function printTable(out: Output, nodes: readonly NodeReport[]): Promise<void> {
  return out.table(columns, nodes);
}
