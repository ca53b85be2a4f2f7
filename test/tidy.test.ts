/**
 * The import table of the house and its other rules of order (docs/architecture.md). Every rule is one function of
 * a file's path and text, and is shown below to find what is planted for it.
 */
import { globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const linesMax = 400;

const core = "src/core/";
const protocol = ["state", "sync", "gossip", "membership"].map((room) => `src/protocol/${room}/`);
const share = ["files", "services"].map((room) => `src/share/${room}/`);
const client = ["src/control/client.ts", "src/control/schema.ts"];

/** Files whose path begins with the key may import files whose path begins with one of the values. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  [core]: [core],
  ...Object.fromEntries([...protocol, ...share].map((room) => [room, [core, room]])),
  "src/host/": [core, "src/host/"],
  "src/control/": [core, "src/control/"],
  "src/cli/": [core, "src/cli/", ...client],
  "src/config": [core, "src/config"],
  // what runs under every host, the simulator's included
  "src/driver/": [core, "src/driver/", ...protocol],
  "src/documents/": [
    core,
    "src/control/",
    "src/documents/",
    "src/driver/",
    "src/host/",
    ...protocol,
  ],
  "src/backup/": [core, "src/backup/", "src/host/", "src/protocol/state/", "src/state-digest.ts"],
  "src/daemon/": [
    core,
    "src/config",
    "src/control/",
    "src/daemon/",
    "src/driver/",
    "src/host/",
    "src/mailbox.ts",
    "src/state-digest.ts",
    ...protocol,
  ],
  "src/offline": [core, "src/config", "src/host/", "src/offline"],
  "testnet/": [core, "testnet/", ...client],
};
/** The other files that lie in `src` itself put the rooms together, and may import them all. */
const composition = /^src\/[^/]+$/;
/** The command line is a program of its own: even the composition of the daemon does not reach into it. */
const onlyFromItself = "src/cli/";

/** Modules of Node that a room may use; rooms that are not listed may use all. */
const nodeModules: Readonly<Record<string, readonly string[]>> = {
  [core]: ["node:crypto"],
  "src/protocol/": [],
};

/** Where clocks, timers and randomness may be touched: in the world, and in programs of their own. */
const impure = ["src/host/", "src/cli/", "src/control/client.ts", "testnet/"];
const impurities =
  /\bDate\.now\b|\bnew Date\(\)|\bDate\(\)|\bset(?:Timeout|Interval|Immediate)\b|\bperformance\b|\bMath\.random\b|\brandom(?:Bytes|UUID|Int|Fill\w*)\b|\bgetRandomValues\b|\bgenerateKey\w*|\bAbortSignal\.timeout\b|\bhrtime\b|["']node:(?:timers|perf_hooks)\b/g;

function rowOf<Row>(table: Readonly<Record<string, Row>>, path: string): Row | undefined {
  const row = Object.keys(table).find((prefix) => path.startsWith(prefix));
  return row === undefined ? undefined : table[row];
}

/** The text without comments; strings, templates and regular expressions are stepped over. */
function withoutComments(text: string): string {
  const tokens =
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<=[(,=:[!&|?{};>]\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/)|\/\*[^]*?\*\/|\/\/[^\n]*/g;
  return text.replace(tokens, (_all, kept: string | undefined) => kept ?? "");
}

/** What a file imports, by any form of import or re-export. */
function importsOf(code: string): string[] {
  const forms = /(?:\bfrom|\bimport)\s*\(?\s*(?:"([^"]+)"|'([^']+)')/g;
  return [...code.matchAll(forms)].map((match) => match[1] ?? match[2] ?? "");
}

function importFaults(path: string, code: string): string[] {
  const allowed = rowOf(mayImport, path) ?? (composition.test(path) ? ["src/"] : undefined);
  if (allowed === undefined) return ["is in no room of the import table"];
  const modules = rowOf(nodeModules, path);
  return importsOf(code).flatMap((name) => {
    if (name.startsWith("node:")) {
      return modules === undefined || modules.includes(name) ? [] : [`imports ${name}`];
    }
    if (!name.startsWith(".")) return [];
    const target = posix.join(posix.dirname(path), name);
    const isAllowed = allowed.some((prefix) => target.startsWith(prefix));
    const intrudes = target.startsWith(onlyFromItself) && !path.startsWith(onlyFromItself);
    return isAllowed && !intrudes ? [] : [`imports ${target}`];
  });
}

function purityFaults(path: string, code: string): string[] {
  if (impure.some((prefix) => path.startsWith(prefix))) return [];
  return (code.match(impurities) ?? []).map((found) => `touches ${found}`);
}

function shapeFaults(path: string, text: string, code: string): string[] {
  const name = posix.basename(path).replace(/(?:\.test)?\.[jt]s$/, "");
  const lines = text.split("\n").length - 1;
  return [
    ...(lines > linesMax ? [`has ${lines} lines, over ${linesMax}`] : []),
    ...(/^export default\b|\bas default\b/m.test(code) ? ["exports default"] : []),
    ...(/(?:^|-)(?:utils?|helpers?|misc|common)(?:-|$)/.test(name) ? ["is a drawer"] : []),
    ...(/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name) ? [] : ["has a name that is not kebab-case"]),
  ];
}

/** Everything that is out of order in one file of `src`, `testnet` or `test`. */
function faultsOf(path: string, text: string): string[] {
  const code = withoutComments(text);
  const inHouse = !path.startsWith("test/");
  const faults = [
    ...(inHouse ? [...importFaults(path, code), ...purityFaults(path, code)] : []),
    ...shapeFaults(path, text, code),
  ];
  return faults.map((fault) => `${path} ${fault}`);
}

test("the house is in order", () => {
  const paths = globSync("{src,testnet,test}/**/*.ts", { cwd: root });
  expect(paths.length).toBeGreaterThan(20);
  const found = paths.flatMap((path) => faultsOf(path, readFileSync(join(root, path), "utf8")));
  expect(found).toEqual([]);
});

describe("a fault is found:", () => {
  test.each([
    ["src/core/a.ts", 'import { b } from "../host/b.ts";', "imports src/host/b.ts"],
    ["src/core/a.ts", 'import { readFileSync } from "node:fs";', "imports node:fs"],
    [
      "src/protocol/state/a.ts",
      'import type { B } from "../sync/b.ts";',
      "imports src/protocol/sync/b.ts",
    ],
    ["src/protocol/sync/a.ts", 'import { hash } from "node:crypto";', "imports node:crypto"],
    [
      "src/share/files/a.ts",
      'export * from "../services/b.ts";',
      "imports src/share/services/b.ts",
    ],
    [
      "src/host/net/a.ts",
      'import "../../protocol/gossip/b.ts";',
      "imports src/protocol/gossip/b.ts",
    ],
    ["src/host/a.ts", "import { b } from '../control/schema.ts';", "imports src/control/schema.ts"],
    ["src/control/a.ts", 'const b = await import("../host/b.ts");', "imports src/host/b.ts"],
    [
      "src/control/routes/a.ts",
      'import {\n  node,\n} from "../../node.ts";',
      "imports src/node.ts",
    ],
    [
      "src/cli/a.ts",
      'import { serve } from "../control/server.ts";',
      "imports src/control/server.ts",
    ],
    [
      "src/driver/driver.ts",
      'import { book } from "../host/net/address-file.ts";',
      "imports src/host/net/address-file.ts",
    ],
    ["src/node.ts", 'import { main } from "./cli/main.ts";', "imports src/cli/main.ts"],
    ["testnet/a.ts", 'import { lock } from "../src/host/lock.ts";', "imports src/host/lock.ts"],
    ["src/stray/a.ts", "export const a = 1;", "is in no room of the import table"],
    ["src/core/a.ts", "const now = Date.now();", "touches Date.now"],
    ["src/core/a.ts", "const now = new Date();", "touches new Date()"],
    ["src/control/a.ts", "setTimeout(() => {}, 1);", "touches setTimeout"],
    ["src/protocol/sync/a.ts", "const ms = performance.now();", "touches performance"],
    ["src/driver/a.ts", "const draw = Math.random();", "touches Math.random"],
    ["src/node.ts", 'import { randomBytes } from "node:crypto";', "touches randomBytes"],
    ["src/node.ts", "const text = `${AbortSignal.timeout(5)}`;", "touches AbortSignal.timeout"],
    ["src/config.ts", 'import { setTimeout } from "node:timers/promises";', "touches setTimeout"],
    ["src/core/a.ts", "export default 1;", "exports default"],
    ["src/core/byte-utils.ts", "", "is a drawer"],
    ["test/helpers.ts", "", "is a drawer"],
    ["src/core/myThing.ts", "", "has a name that is not kebab-case"],
    ["src/core/a.ts", "\n".repeat(401), "has 401 lines, over 400"],
  ])("%s with %j", (path, text, fault) => {
    expect(faultsOf(path, text)).toContain(`${path} ${fault}`);
  });

  test.each([
    ["src/core/a.ts", '// Date.now() would be wrong\n/* import "../host/b.ts" */\nconst a = "//";'],
    ["src/core/a.ts", "const quote = /[\"'`]/g; // setTimeout\nconst b = 1; // `Math.random`"],
    ["src/host/a.ts", "setTimeout(() => Date.now(), Math.random());"],
    ["src/cli/a.ts", 'const { createClient } = await import("../control/client.ts");'],
    ["src/node.ts", 'import { systemClock } from "./host/clock.ts";'],
    ["src/control/a.ts", "const shown = new Date(1).toISOString();"],
    ["test/host/a.test.ts", 'import { lock } from "../../src/host/lock.ts";\nDate.now();'],
  ])("but not in %s with %j", (path, text) => {
    expect(faultsOf(path, text)).toEqual([]);
  });
});
