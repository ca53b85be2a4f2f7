/**
 * The typed client of the control API, shared by the CLI, the testnet and users' programs. It loads nothing but
 * `node:http`, so that a status call costs little more than the start of Node.
 */
import { CoterieError } from "../core/errors.ts";
import { docClient, type DocClient } from "./client-doc.ts";
import { filesClient, type FilesClient } from "./client-files.ts";
import { get, post, valueTypes, withJson } from "./client-ask.ts";
import { fetchWhole, parseAnswer, type Answer, type Ask } from "./client-http.ts";
import { serviceClient, type ServiceClient } from "./client-services.ts";
import { exchangeLines, streamChunks, streamEvents, type Opening } from "./client-stream.ts";
import { typeCalls, typeStreams, type TypeClient } from "./client-types.ts";
import type {
  ConfigReload,
  ConfigView,
  Doctor,
  EventMessage,
  Faults,
  Identity,
  ImportProgress,
  Invite,
  KvItem,
  KvList,
  KvOp,
  LogRecord,
  Member,
  Members,
  MembersQuery,
  Peers,
  PublishResult,
  Status,
  WatchEvent,
  WriteResult,
} from "./schema.ts";
import type { LogLevel } from "../core/ports.ts";

const { Agent } = process.getBuiltinModule("node:http"); // see client-http.ts

export type CallOptions = { readonly signal?: AbortSignal; readonly timeoutMs?: number };

/**
 * Every call rejects with a `CoterieError`: the daemon's own code and message, `NOT_RUNNING` when nothing listens
 * on the socket, `TIMEOUT` after `timeoutMs` (default 30 s; of a stream only its opening is timed), `ABORTED` when
 * the signal aborts. Streams open their request when they are first read, and close it when the loop is left.
 */
export interface Client extends TypeClient, DocClient, FilesClient, ServiceClient {
  status(options?: CallOptions): Promise<Status>;
  identity(options?: CallOptions): Promise<Identity>;
  invite(options?: CallOptions): Promise<Invite>;
  peers(options?: CallOptions): Promise<Peers>;
  members(query?: MembersQuery, options?: CallOptions): Promise<Members>;
  /** The members wanted, then each again when its card, status or connection changes and it is wanted then. */
  membersWatch(query?: MembersQuery, options?: CallOptions): AsyncIterable<Member>;
  /** By peer id or name. Rejects `NOT_FOUND`, and `CONFLICT` for one that is alive or suspected. */
  memberForget(member: string, options?: CallOptions): Promise<Member>;
  doctor(options?: CallOptions): Promise<Doctor>;
  config(options?: CallOptions): Promise<ConfigView>;
  reloadConfig(options?: CallOptions): Promise<ConfigReload>;
  shutdown(options?: CallOptions): Promise<void>;
  dial(addresses: readonly string[], options?: CallOptions): Promise<void>;
  faults(options?: CallOptions): Promise<Faults>;
  setFaults(faults: Faults, options?: CallOptions): Promise<void>;

  /** Rejects `NOT_FOUND` for a missing key. */
  kvGet(namespace: string, key: string, options?: CallOptions): Promise<KvItem>;
  /** The value's bytes exactly as stored; `kind` says how they were written. */
  kvGetRaw(
    namespace: string,
    key: string,
    options?: CallOptions,
  ): Promise<{ kind: "text" | "json" | "bytes"; bytes: Uint8Array }>;
  kvPut(
    namespace: string,
    key: string,
    value: { kind: "text" | "json" | "bytes"; bytes: Uint8Array },
    options?: CallOptions,
  ): Promise<WriteResult>;
  kvDelete(namespace: string, key: string, options?: CallOptions): Promise<WriteResult>;
  /** With `atomic` all are in one signed batch, or nothing is written: up to 128 keys and 1 MiB. */
  kvWrite(
    namespace: string,
    ops: readonly KvOp[],
    options?: CallOptions & { readonly atomic?: boolean },
  ): Promise<WriteResult>;
  kvList(
    namespace: string,
    query: { prefix?: string; after?: string; limit?: number },
    options?: CallOptions,
  ): Promise<KvList>;
  /** Export lines as raw chunks of NDJSON, in key order. */
  kvExport(
    namespace: string,
    query: { prefix?: string },
    options?: CallOptions,
  ): AsyncIterable<Uint8Array>;
  /** Streams NDJSON lines up; yields progress, the last with `done: true`. `atomic` as in `kvWrite`. */
  kvImport(
    namespace: string,
    lines: AsyncIterable<Uint8Array>,
    options?: CallOptions & { readonly atomic?: boolean },
  ): AsyncIterable<ImportProgress>;
  /** Of all types, or of some: `types` such as `register,multi`. */
  kvWatch(
    namespace: string,
    query: { prefix?: string; cursor?: string; types?: string },
    options?: CallOptions,
  ): AsyncIterable<WatchEvent>;

  /** The bytes of a file for `coterie restore`; core/backup-stream.ts reads them. It holds the node's keys. */
  backup(options?: CallOptions): AsyncIterable<Uint8Array>;

  publish(topic: string, data: Uint8Array, options?: CallOptions): Promise<PublishResult>;
  subscribe(topic: string, options?: CallOptions): AsyncIterable<EventMessage>;

  logs(
    query: { level?: LogLevel; follow?: boolean; tail?: number },
    options?: CallOptions,
  ): AsyncIterable<LogRecord>;
  setLogLevel(level: LogLevel, options?: CallOptions): Promise<void>;
}

const defaultTimeoutMs = 30_000;
/** setTimeout fires at once for anything longer than this. */
const timerMsMax = 2 ** 31 - 1;

/** Connections are kept for some seconds between calls; they do not keep a process alive. */
export function createClient(socketPath: string): Client {
  const transport = createTransport(socketPath);
  return {
    ...nodeCalls(transport),
    ...kvCalls(transport),
    ...streamCalls(transport),
    ...typeCalls(transport),
    ...typeStreams(transport),
    ...docClient(transport),
    ...filesClient(transport),
    ...serviceClient(transport),
  };
}

export type Transport = {
  /** The whole of a short answer. */
  readonly fetch: (ask: Ask, options?: CallOptions) => Promise<Answer>;
  /** The same, parsed as JSON. */
  readonly call: <T>(ask: Ask, options?: CallOptions) => Promise<T>;
  readonly opening: (options?: CallOptions) => Opening;
};

function createTransport(socketPath: string): Transport {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const fetch: Transport["fetch"] = async (ask, options = {}) => {
    const { signal, cancel } = startDeadline(options);
    try {
      return await fetchWhole({ socketPath, agent, signal }, ask);
    } finally {
      cancel();
    }
  };
  return {
    fetch,
    call: async <T>(ask: Ask, options?: CallOptions) =>
      parseAnswer((await fetch(ask, options)).bytes.toString()) as T,
    opening:
      (options = {}) =>
      () => {
        const { signal, cancel } = startDeadline(options);
        return { connection: { socketPath, agent: false, signal }, opened: cancel };
      },
  };
}

function startDeadline(options: CallOptions): { signal: AbortSignal; cancel: () => void } {
  const { timeoutMs = defaultTimeoutMs } = options;
  const late = new AbortController();
  const giveUp = (): void => {
    late.abort(new CoterieError("TIMEOUT", `the daemon did not answer within ${timeoutMs} ms`));
  };
  const timer = setTimeout(giveUp, Math.min(timeoutMs, timerMsMax)).unref();
  const signal =
    options.signal === undefined ? late.signal : AbortSignal.any([options.signal, late.signal]);
  return { signal, cancel: () => clearTimeout(timer) };
}

type NodeCalls = Omit<
  Client,
  | keyof KvCalls
  | keyof StreamCalls
  | keyof TypeClient
  | keyof DocClient
  | keyof FilesClient
  | keyof ServiceClient
>;

function nodeCalls({ call }: Transport): NodeCalls {
  return {
    status: (options) => call(get("status"), options),
    identity: (options) => call(get("id"), options),
    invite: (options) => call(post("invite"), options),
    peers: (options) => call(get("peers"), options),
    members: (query = {}, options) => call({ ...get("members"), query }, options),
    memberForget: (member, options) =>
      call(withJson(post("members", "forget"), { member }), options),
    doctor: (options) => call(get("doctor"), options),
    config: (options) => call(get("config"), options),
    reloadConfig: (options) => call(post("config", "reload"), options),
    shutdown: (options) => call(post("shutdown"), options),
    dial: (addresses, options) => call(withJson(post("dial"), { addresses }), options),
    faults: (options) => call(get("faults"), options),
    setFaults: (faults, options) =>
      call(withJson({ method: "PUT", path: ["faults"] }, faults), options),
    publish: (topic, data, options) => {
      const headers = { "content-type": valueTypes.bytes };
      return call({ ...post("events", topic), headers, body: data }, options);
    },
    setLogLevel: (level, options) =>
      call(withJson({ method: "PUT", path: ["logs", "level"] }, { level }), options),
  };
}

type KvCalls = Pick<Client, "kvGet" | "kvGetRaw" | "kvPut" | "kvDelete" | "kvWrite" | "kvList">;

function kvCalls({ fetch, call }: Transport): KvCalls {
  return {
    kvGet: (namespace, key, options) => call(get("kv", namespace, key), options),
    kvGetRaw: async (namespace, key, options) => {
      const headers = { accept: valueTypes.bytes };
      const answer = await fetch({ ...get("kv", namespace, key), headers }, options);
      return { kind: kindOf(answer.headers["coterie-value-kind"]), bytes: answer.bytes };
    },
    kvPut: (namespace, key, { kind, bytes }, options) => {
      const headers = { "content-type": valueTypes[kind] };
      return call({ method: "PUT", path: ["kv", namespace, key], headers, body: bytes }, options);
    },
    kvDelete: (namespace, key, options) =>
      call({ method: "DELETE", path: ["kv", namespace, key] }, options),
    kvWrite: (namespace, ops, { atomic, ...options } = {}) =>
      call(withJson({ ...post("kv", namespace), query: { atomic } }, { ops }), options),
    kvList: (namespace, query, options) => call({ ...get("kv", namespace), query }, options),
  };
}

function kindOf(header: string | string[] | undefined): keyof typeof valueTypes {
  if (header === "text" || header === "json" || header === "bytes") return header;
  throw new CoterieError("INTERNAL", `the daemon sent a value of unknown kind ${String(header)}`);
}

type StreamCalls = Pick<
  Client,
  "backup" | "kvExport" | "kvImport" | "kvWatch" | "membersWatch" | "subscribe" | "logs"
>;

function streamCalls({ opening }: Transport): StreamCalls {
  return {
    backup: (options) => streamChunks(opening(options), get("backup")),
    kvExport: (namespace, query, options) =>
      streamChunks(opening(options), { ...get("export", namespace), query }),
    kvImport: (namespace, lines, { atomic, ...options } = {}) => {
      const headers = { "content-type": "application/x-ndjson" };
      const ask = { ...post("import", namespace), headers, query: { atomic } };
      return exchangeLines(opening(options), ask, lines);
    },
    kvWatch: (namespace, query, options) =>
      streamEvents(opening(options), { ...get("watch", namespace), query }),
    membersWatch: (query = {}, options) =>
      streamEvents(opening(options), { ...get("members", "watch"), query }),
    subscribe: (topic, options) => streamEvents(opening(options), get("events", topic)),
    logs: (query, options) => streamEvents(opening(options), { ...get("logs"), query }),
  };
}
