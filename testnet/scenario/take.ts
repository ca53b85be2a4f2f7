/** Times and sets of nodes in a scenario file. */
import { parseNodeSet } from "../node-set.ts";
import { parseDuration } from "../verb.ts";
import type { TomlTable } from "./toml-table.ts";

/** Milliseconds. */
export function durationIn(table: TomlTable, key: string): number | undefined {
  return table.take(key, (value) => {
    if (value === undefined) return undefined;
    const ms = typeof value === "string" ? parseDuration(value) : undefined;
    return ms ?? table.fail(`${key} wants a time such as "500ms", "30s" or "2m"`, key);
  });
}

/** Of `"0-2,4"`, or of the number of one node, in a testnet of `count`. */
export function nodesIn(table: TomlTable, key: string, count: number): number[] | undefined {
  return table.take(key, (value) => {
    if (value === undefined) return undefined;
    if (typeof value === "number" || typeof value === "string") {
      return parseNodeSet(String(value), count);
    }
    return table.fail(`${key} wants a set of nodes such as "0-2,4"`, key);
  });
}
