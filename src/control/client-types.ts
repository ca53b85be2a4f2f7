/** The client's calls for the types beside `register`. */
import type { CallOptions, Transport } from "./client.ts";
import { get, post, remove, withJson, withValue, type ClientValue } from "./client-ask.ts";
import { streamEvents } from "./client-stream.ts";
import type {
  CounterItem,
  CounterList,
  CounterResult,
  Explanation,
  LogItem,
  LogTail,
  MultiItem,
  MultiList,
  NameList,
  SetChange,
  SetMember,
  SetMembers,
  WriteResult,
} from "./schema.ts";

export type ListQuery = { prefix?: string; after?: string; limit?: number };

export interface TypeClient {
  /** All concurrent values, the latest first. Rejects `NOT_FOUND` for a missing key. */
  multiGet(namespace: string, key: string, options?: CallOptions): Promise<MultiItem>;
  /** Replaces the values that the daemon has seen. */
  multiPut(
    namespace: string,
    key: string,
    value: ClientValue,
    options?: CallOptions,
  ): Promise<WriteResult>;
  multiDelete(namespace: string, key: string, options?: CallOptions): Promise<WriteResult>;
  multiList(namespace: string, query: ListQuery, options?: CallOptions): Promise<MultiList>;

  /** Rejects `NOT_FOUND` for a missing counter. */
  counterGet(namespace: string, key: string, options?: CallOptions): Promise<CounterItem>;
  /** `by` may be below zero. Rejects `OVERFLOW` when this node's sum would pass 64 bits. */
  counterAdd(
    namespace: string,
    key: string,
    by: bigint | number,
    options?: CallOptions,
  ): Promise<CounterResult>;
  counterDelete(namespace: string, key: string, options?: CallOptions): Promise<WriteResult>;
  counterList(namespace: string, query: ListQuery, options?: CallOptions): Promise<CounterList>;

  setNames(namespace: string, query: ListQuery, options?: CallOptions): Promise<NameList>;
  setMembers(
    namespace: string,
    name: string,
    query: ListQuery,
    options?: CallOptions,
  ): Promise<SetMembers>;
  /** Rejects `NOT_FOUND` when it is not in the set. */
  setGet(
    namespace: string,
    name: string,
    element: string,
    options?: CallOptions,
  ): Promise<SetMember>;
  setChange(
    namespace: string,
    name: string,
    change: SetChange,
    options?: CallOptions,
  ): Promise<WriteResult>;

  logAppend(
    namespace: string,
    name: string,
    value: ClientValue,
    options?: CallOptions,
  ): Promise<WriteResult>;
  /** The last items, oldest first. */
  logTail(
    namespace: string,
    name: string,
    query: { limit?: number; before?: string },
    options?: CallOptions,
  ): Promise<LogTail>;
  /** The last `tail` items, then each new one as it comes. */
  logFollow(
    namespace: string,
    name: string,
    query: { tail?: number },
    options?: CallOptions,
  ): AsyncIterable<LogItem>;
  logNames(namespace: string, query: ListQuery, options?: CallOptions): Promise<NameList>;
  logDelete(namespace: string, name: string, options?: CallOptions): Promise<WriteResult>;

  /** Everything that is known of a key, of all types; with `element` of an element of the set `key`. */
  explain(
    namespace: string,
    key: string,
    query: { element?: string },
    options?: CallOptions,
  ): Promise<Explanation>;
}

type TypeStreams = Pick<TypeClient, "logFollow">;

export function typeCalls({ call }: Pick<Transport, "call">): Omit<TypeClient, keyof TypeStreams> {
  return {
    multiGet: (namespace, key, options) => call(get("multi", namespace, key), options),
    multiPut: (namespace, key, value, options) =>
      call(withValue({ method: "PUT", path: ["multi", namespace, key] }, value), options),
    multiDelete: (namespace, key, options) => call(remove("multi", namespace, key), options),
    multiList: (namespace, query, options) => call({ ...get("multi", namespace), query }, options),

    counterGet: (namespace, key, options) => call(get("counter", namespace, key), options),
    counterAdd: (namespace, key, by, options) =>
      call(withJson(post("counter", namespace, key), { by: String(by) }), options),
    counterDelete: (namespace, key, options) => call(remove("counter", namespace, key), options),
    counterList: (namespace, query, options) =>
      call({ ...get("counter", namespace), query }, options),

    setNames: (namespace, query, options) => call({ ...get("set", namespace), query }, options),
    setMembers: (namespace, name, query, options) =>
      call({ ...get("set", namespace, name), query }, options),
    setGet: (namespace, name, element, options) =>
      call(get("set", namespace, name, element), options),
    setChange: (namespace, name, change, options) =>
      call(withJson(post("set", namespace, name), change), options),

    logAppend: (namespace, name, value, options) =>
      call(withValue(post("log", namespace, name), value), options),
    logTail: (namespace, name, query, options) =>
      call({ ...get("log", namespace, name), query }, options),
    logNames: (namespace, query, options) => call({ ...get("log", namespace), query }, options),
    logDelete: (namespace, name, options) => call(remove("log", namespace, name), options),

    explain: (namespace, key, query, options) =>
      call({ ...get("explain", namespace, key), query }, options),
  };
}

export function typeStreams({ opening }: Pick<Transport, "opening">): TypeStreams {
  return {
    logFollow: (namespace, name, query, options) =>
      streamEvents(opening(options), { ...get("log", namespace, name, "follow"), query }),
  };
}
