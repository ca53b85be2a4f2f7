/**
 * What the control server asks of the daemon. `node.ts` implements it; the server knows nothing else of the house.
 * Operations throw `CoterieError`; streams end when the signal aborts.
 */
import type {
  ConfigReload,
  ConfigView,
  Doctor,
  EventMessage,
  Faults,
  Identity,
  Invite,
  LogRecord,
  Members,
  Peers,
  Status,
} from "./schema.ts";
import type { LogLevel } from "../core/ports.ts";

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

export type ChangeEvent = {
  readonly cursor: string;
  readonly namespace: string;
  readonly key: string;
  /** Undefined when the key is deleted or its value has expired. */
  readonly record: KvRecord | undefined;
};

export interface Daemon {
  status(): Status;
  identity(): Identity;
  invite(): Invite;
  peers(): Peers;
  members(): Members;
  doctor(): Promise<Doctor>;
  config(): ConfigView;
  reloadConfig(): Promise<ConfigReload>;
  /** Leaves and stops the process; resolves when the request is taken. */
  shutdown(): void;
  dial(addresses: readonly string[], signal: AbortSignal): Promise<void>;
  setFaults(faults: Faults): Promise<void>;
  faults(): Faults;

  kv: {
    get(namespace: string, key: string): KvRecord | undefined;
    /** In key order (bytewise UTF-8), keys with `prefix`, after `after` (exclusive). */
    list(
      namespace: string,
      options: { prefix: string; after?: string; limit: number },
    ): { items: KvRecord[]; next: string | undefined };
    /** Resolves when every op is on disk here. Returns the stamp of the last. */
    write(namespace: string, ops: readonly WriteOp[], signal?: AbortSignal): Promise<bigint>;
    /**
     * Changes of keys with `prefix`, one event per key and change, the latest state of each; with `cursor`
     * undefined from now on, with `"0"` from the beginning. Throws `BAD_CURSOR` for one of another store.
     */
    watch(
      namespace: string,
      options: { prefix: string; cursor?: string },
      signal: AbortSignal,
    ): AsyncIterable<ChangeEvent>;
  };

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
