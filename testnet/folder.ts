/** How the commands after `up` find their testnet, and how they name it in what they print. */
import { CoterieError } from "../src/core/errors.ts";
import { parseNodeSet } from "./node-set.ts";
import { readRecord, type NodeRecord, type TestnetRecord } from "./record.ts";
import { defaultDir, type Call } from "./verb.ts";

/** The record of a testnet whose `up` is done; throws `NOT_FOUND` or `NOT_RUNNING`. */
export function openTestnet(call: Call): { dir: string; record: TestnetRecord } {
  const found = readRecord(call.dir);
  if (found.record.phase === "up") return found;
  throw new CoterieError("NOT_RUNNING", `the testnet in ${found.dir} has not come up`, {
    hint: `wait for its \`up\`; if that is gone, clear away with: ${commandFor(call, "down")}`,
  });
}

/** `coterie testnet VERB` for the folder that this call is about. */
export function commandFor(call: Call, words: string): string {
  if (call.dir === defaultDir) return `coterie testnet ${words}`;
  const plain = /^[\w./@:+-]+$/.test(call.dir);
  const quoted = plain ? call.dir : `'${call.dir.replaceAll("'", String.raw`'\''`)}'`;
  const [verb = "", ...rest] = words.split(" ");
  return ["coterie testnet", verb, "--dir", quoted, ...rest].join(" ");
}

/** The nodes that the call's first argument names. */
export function nodesOf(call: Call, { nodes }: TestnetRecord): NodeRecord[] {
  const chosen = new Set(parseNodeSet(call.args[0] ?? "", nodes.length));
  return nodes.filter(({ index }) => chosen.has(index));
}

/** The one node that the call's first argument names. Throws `USAGE`. */
export function nodeOf(call: Call, record: TestnetRecord): NodeRecord {
  const [node, another] = nodesOf(call, record);
  if (node !== undefined && another === undefined) return node;
  throw new CoterieError("USAGE", `one node is wanted, not the set "${call.args[0]}"`);
}
