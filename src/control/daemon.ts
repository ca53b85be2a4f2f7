/**
 * What the control server asks of the daemon. `node.ts` implements it; the server knows nothing else of the house.
 * Operations throw `CoterieError`; streams end when the signal aborts.
 */
import type {
  ConfigReload,
  ConfigView,
  Doctor,
  EventMessage,
  Explanation,
  Faults,
  Identity,
  Invite,
  LogRecord,
  Member,
  Members,
  Peers,
  Status,
} from "./schema.ts";
import type { LogLevel } from "../core/ports.ts";
import type { DocCalls } from "./doc-daemon.ts";
import type { ServiceCalls } from "./service-daemon.ts";
import type { FilesCalls } from "./files-daemon.ts";

/** A value as the API moves it: the kind decides how it is printed, the bytes are kept exactly. */
export type Value =
  | { readonly kind: "text"; readonly bytes: Uint8Array }
  | { readonly kind: "json"; readonly bytes: Uint8Array }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };

/** `value` undefined deletes. */
export type WriteOp = { readonly key: string; readonly value: Value | undefined };

export type KvRecord = {
  readonly key: string;
  readonly value: Value;
  readonly author: string;
  readonly stamp: bigint;
};

/** What a key of a type holds now. */
export type Holding =
  | { readonly type: "register"; readonly record: KvRecord }
  | { readonly type: "multi"; readonly values: readonly KvRecord[] }
  | { readonly type: "counter"; readonly value: bigint }
  | { readonly type: "set" }
  /** A log, a document, or a type that this version does not know. */
  | { readonly type: "other" };

export type ChangeEvent = {
  readonly cursor: string;
  readonly namespace: string;
  /** Such as `register`. */
  readonly type: string;
  readonly key: string;
  /** What the key of a set is made of. */
  readonly member?: { readonly name: string; readonly element: string };
  /** Undefined when the key is deleted or its value has expired. */
  readonly holding: Holding | undefined;
  /** Of the latest change. */
  readonly author: string;
  readonly stamp: bigint;
};

/** `after` is exclusive and what `next` was. */
export type ListOptions = {
  readonly prefix: string;
  readonly after?: string;
  readonly limit: number;
};
export type Listed<T> = { readonly items: T[]; readonly next: string | undefined };

/** Of very many values the latest are given; all are counted. */
export type MultiRecord = {
  readonly key: string;
  readonly count: number;
  readonly values: readonly KvRecord[];
};

export type CounterRecord = {
  readonly key: string;
  readonly value: bigint;
  readonly author: string;
  readonly stamp: bigint;
};

export type SetMember = {
  readonly element: string;
  readonly author: string;
  readonly stamp: bigint;
};

export type LogEntry = {
  /** Names the item within its log; sorts like it. */
  readonly position: string;
  readonly value: Value;
  readonly author: string;
  readonly stamp: bigint;
};

/** The types beside `register`. Writes resolve with the stamp once they are on disk here. */
export interface TypeCalls {
  /** Keys that keep all concurrent values. */
  multi: {
    get(namespace: string, key: string): MultiRecord | undefined;
    list(namespace: string, options: ListOptions): Listed<MultiRecord>;
    /** Replaces what is seen here. */
    write(namespace: string, op: WriteOp, signal?: AbortSignal): Promise<bigint>;
  };
  counter: {
    get(namespace: string, key: string): CounterRecord | undefined;
    list(namespace: string, options: ListOptions): Listed<CounterRecord>;
    /** Rejects `OVERFLOW` when this node's sum would pass 64 bits. */
    add(namespace: string, key: string, by: bigint, signal?: AbortSignal): Promise<bigint>;
    delete(namespace: string, key: string, signal?: AbortSignal): Promise<bigint>;
  };
  set: {
    get(namespace: string, name: string, element: string): SetMember | undefined;
    members(namespace: string, name: string, options: ListOptions): Listed<SetMember>;
    names(namespace: string, options: ListOptions): Listed<string>;
    change(
      namespace: string,
      name: string,
      change: { readonly add: readonly string[]; readonly remove: readonly string[] },
      signal?: AbortSignal,
    ): Promise<bigint>;
  };
  log: {
    append(namespace: string, key: string, value: Value, signal?: AbortSignal): Promise<bigint>;
    /** The last `limit` items before a position, oldest first; `isWhole` when there are no older ones. */
    tail(
      namespace: string,
      key: string,
      options: { readonly limit: number; readonly before?: string },
      signal?: AbortSignal,
    ): Promise<{ items: LogEntry[]; isWhole: boolean }>;
    /** The last `tail` items, then each new one as it comes here, whatever its place in the log. */
    follow(
      namespace: string,
      key: string,
      options: { readonly tail: number },
      signal: AbortSignal,
    ): AsyncIterable<LogEntry>;
    names(namespace: string, options: ListOptions): Listed<string>;
    delete(namespace: string, key: string, signal?: AbortSignal): Promise<bigint>;
  };
  /** Everything that is known of a key, of all types. */
  explain(
    namespace: string,
    key: string,
    /** Of a set with the name `key`. */
    element?: string,
    signal?: AbortSignal,
  ): Promise<Explanation>;
}

export interface MemberCalls {
  list(): Members;
  /** All as they are, then each that changed. */
  watch(signal: AbortSignal): AsyncIterable<Member>;
  /**
   * Does not show a member, given by peer id or name, until it is alive again; on this node only. Throws `NOT_FOUND`, or
   * `CONFLICT` for one that is alive or suspected and for a name of several.
   */
  forget(member: string): Member;
}

export interface Daemon extends TypeCalls {
  status(): Status;
  identity(): Identity;
  invite(): Invite;
  peers(): Peers;
  members: MemberCalls;
  doctor(): Promise<Doctor>;
  config(): ConfigView;
  reloadConfig(): Promise<ConfigReload>;
  /** Leaves and stops the process; resolves when the request is taken. */
  shutdown(): void;
  dial(addresses: readonly string[], signal: AbortSignal): Promise<void>;
  setFaults(faults: Faults): Promise<void>;
  faults(): Faults;

  /** The bytes of a file for `coterie restore`: with the node's keys and everything that lives here at its end. */
  backup(): AsyncIterable<Uint8Array>;

  kv: {
    get(namespace: string, key: string): KvRecord | undefined;
    /** In key order (bytewise UTF-8), keys with `prefix`, after `after` (exclusive). */
    list(
      namespace: string,
      options: { prefix: string; after?: string; limit: number },
    ): { items: KvRecord[]; next: string | undefined };
    /**
     * Resolves when every op is on disk here. Returns the stamp of the last. With `atomic` all are in one batch, or
     * none is written: `TOO_LARGE` over 128 ops or 1 MiB, `BAD_REQUEST` for a key twice.
     */
    write(
      namespace: string,
      ops: readonly WriteOp[],
      signal?: AbortSignal,
      options?: { readonly atomic?: boolean },
    ): Promise<bigint>;
    /**
     * Changes of keys with `prefix`, one event per key and change, the latest state of each, of all types or of some;
     * with `cursor` undefined from now on, with `"0"` from the beginning. Throws `BAD_CURSOR` for one of another store.
     */
    watch(
      namespace: string,
      options: { prefix: string; cursor?: string; types?: ReadonlySet<string> },
      signal: AbortSignal,
    ): AsyncIterable<ChangeEvent>;
  };

  doc: DocCalls;
  services: ServiceCalls;
  files: FilesCalls;

  events: {
    publish(topic: string, data: Uint8Array): Promise<number>;
    subscribe(topic: string, signal: AbortSignal): AsyncIterable<EventMessage>;
  };

  logs: {
    /** Records kept so far, oldest first, then with `follow` those to come, at `level` or graver. */
    read(
      options: { level?: LogLevel; follow: boolean; tail: number },
      signal: AbortSignal,
    ): AsyncIterable<LogRecord>;
    level(): LogLevel;
    setLevel(level: LogLevel): void;
  };
}
