/** What an `expect` step wants to see. */
import { formatNodeSet } from "../node-set.ts";
import { memberStatuses, valueTypes, type Expectation } from "./scenario.ts";
import { nodesIn } from "./take.ts";
import type { TomlTable } from "./toml-table.ts";

type Expected = { readonly expectation: Expectation; readonly text: string };

function parseValue(table: TomlTable): Expected {
  const type = table.choice("type", valueTypes) ?? "register";
  const key = table.text("key") ?? table.fail("expect value wants a key", "expect");
  const missing = table.take("missing", (given) => given === true);
  const value = table.take("value", (given) => {
    if (given === undefined) return null;
    const isPlain = typeof given === "string" || typeof given === "number";
    return isPlain ? String(given) : table.fail("value wants a text or a number", "value");
  });
  if (type === "set" && value === null) table.fail("value says which element of the set", "expect");
  if (type !== "set" && (value !== null) === missing) {
    table.fail("either the value, or missing = true", "expect");
  }
  const shown = value === null ? "" : ` ${type === "set" ? "with" : "="} ${value}`;
  const text = `${type} ${key}${shown}${missing ? " missing" : ""}`;
  return { expectation: { that: "value", type, key, value, missing }, text };
}

function parseMembers(table: TomlTable, nodes: number): Expected {
  const who =
    nodesIn(table, "who", nodes) ?? table.fail("who is missing: a set of nodes", "expect");
  const are = table.choice("are", memberStatuses);
  if (are === undefined)
    table.fail(`are is missing: one of ${memberStatuses.join(", ")}`, "expect");
  const text = `${formatNodeSet(who)} ${who.length === 1 ? "is" : "are"} ${are}`;
  return { expectation: { that: "members", who, are }, text };
}

export const expectations = {
  converged: () => ({ expectation: { that: "converged" }, text: "converged" }),
  "nothing lost": () => ({ expectation: { that: "nothing lost" }, text: "nothing lost" }),
  value: parseValue,
  members: parseMembers,
} as const satisfies Record<Expectation["that"], (table: TomlTable, nodes: number) => Expected>;
