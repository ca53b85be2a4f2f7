/** Pages of keys with what they hold. */
import type { LiveRow } from "./live-rows.ts";
import { liveKeys, type KeySpace } from "./live-keys.ts";
import type { State } from "./state.ts";

export type PageOptions = {
  readonly prefix: string;
  /** Exclusive. */
  readonly after?: string | undefined;
  readonly limit: number;
  /** Keys looked at at most, those that hold nothing included. */
  readonly keysMax?: number;
};

export type Page<T> = {
  readonly items: T[];
  /** Where to go on, when there may be more: a page may be short, even empty, where many keys are deleted. */
  readonly next: string | undefined;
};

const keysPerPageMax = 1_000;

/** In bytewise order, what `read` makes of each key's live entries; undefined for a key that holds nothing. */
export function listKeys<T>(
  state: State,
  space: KeySpace,
  options: PageOptions,
  read: (key: string, live: Iterable<LiveRow>) => T | undefined,
): Page<T> {
  const { limit, keysMax = keysPerPageMax } = options;
  const items: T[] = [];
  let keys = 0;
  let last: string | undefined;
  for (const key of liveKeys(state.store, space, options)) {
    if (items.length >= limit || keys >= keysMax) return { items, next: last };
    keys++;
    last = key;
    const item = read(key, state.live({ ...space, key }));
    if (item !== undefined) items.push(item);
  }
  return { items, next: undefined };
}
