import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ScenarioReport } from "../../testnet/scenario/history.ts";
import { parseScenario } from "../../testnet/scenario/parse.ts";
import { stepVerbs } from "../../testnet/step-verbs.ts";
import { codedError } from "../coded-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { runMain } from "./fake-io.ts";
import { patient, Testnet } from "./testnet.ts";

const examples = join(import.meta.dirname, "../../docs/scenarios");

test.each(globSync("*.toml", { cwd: examples }))("the example %s is a scenario", (name) => {
  const text = readFileSync(join(examples, name), "utf8");
  expect(parseScenario(name, text, stepVerbs).steps.length).toBeGreaterThan(5);
});

const head = "nodes = 3\n\n";

test.each([
  ["nodes = 3\nnoeds = 4\n[[step]]\nwait = '1s'", 2, 'unknown key "noeds" (did you mean "nodes"?)'],
  ["title = 'x'\n", 1, "nodes is missing"],
  ["nodes = 0\n[[step]]\nwait = '1s'", 1, "nodes wants a whole number from 1 to 254"],
  ["nodes = 3\n", 1, "there is no [[step]]"],
  ["nodes = 3\nstep = 3\n", 2, "step wants tables: [[step]]"],
  ["nodes = 3\n[[step]\n", 2, ""],
  [`${head}[[step]]\nwait = "1s"\n[[step]]\nwiat = "1s"`, 6, 'unknown key "wiat" (did you mean'],
  [`${head}[[step]]\nwithin = "1s"`, 3, "what does this step do?"],
  [`${head}[[step]]\nwait = "1s"\nload = "stop"`, 5, "a step does one thing, not wait and load"],
  [`${head}[[step]]\nwait = "1s"\non = 0`, 5, '"on" says nothing of wait'],
  [`${head}[[step]]\nwait = "soon"`, 4, 'wait wants a time such as "500ms"'],
  [`${head}[[step]]\nwrite = "all"\non = "0-3"`, 5, "on: there is no node 3"],
  [`${head}[[step]]\nwrite = "blob"`, 4, "write is one of register, counter, set"],
  [`${head}[[step]]\ntestnet = "kil 1"`, 4, 'unknown command "testnet kil"'],
  [`${head}[[step]]\ntestnet = "kill 7"`, 4, "there is no node 7"],
  [`${head}[[step]]\ntestnet = "down"`, 4, 'unknown command "testnet down"'],
  [`${head}[[step]]\ntestnet = "kill 1 --dir x"`, 4, "the testnet is the scenario's own"],
  [`${head}[[step]]\ntestnet = "partition '0"`, 4, "a quote is not closed"],
  [`${head}[[step]]\nexpect = "members"\nare = "dead"\nwho = 1`, 5, "are is one of alive"],
  [`${head}[[step]]\nexpect = "value"\nkey = "k"`, 4, "either the value, or missing = true"],
  [
    `${head}[[step]]\n[[step.parallel]]\nwait = "1s"\n[[step.parallel]]\nwait = "1s"\nfoo = 1`,
    8,
    'unknown key "foo"',
  ],
  [`${head}[[step]]\nparallel = [{ wait = "1s", foo = 1 }]`, 4, 'unknown key "foo"'],
])("%j is refused on its line %d", async (text, line, reason) => {
  const error = await codedError(
    async () => parseScenario("s.toml", text, stepVerbs),
    "BAD_CONFIG",
  );
  expect(error.message).toMatch(new RegExp(`^s\\.toml:${line}(?::\\d+)?: `));
  expect(error.message).toContain(reason);
});

test("a file that is not there is named before anything starts", async () => {
  const dir = join(temporaryFolder(), "net");
  await codedError(() => runMain(["run", "nowhere.toml", "--dir", dir]), "NOT_FOUND");
  expect(existsSync(dir)).toBe(false);
});

/** Runs a scenario made of `text`. */
async function runText(text: string) {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "report"));
  const testnet = new Testnet(join(folder, "net"));
  const file = join(folder, "short.toml");
  writeFileSync(file, text);
  const outcome = await testnet.run("run", file, "--json", "--report", join(folder, "report"));
  const report = JSON.parse(outcome.out) as ScenarioReport;
  const svg = readFileSync(join(folder, "report/short.svg"), "utf8");
  return { outcome, report, svg, testnet };
}

/** The example with fewer nodes and writes. */
function shortened(name: string): string {
  const text = readFileSync(join(examples, name), "utf8");
  return text
    .replace("nodes = 5", "nodes = 4")
    .replaceAll("2-4", "2-3")
    .replaceAll("count = 60", "count = 20");
}

test(
  "an example runs from its start to its end, with a report and a picture",
  patient,
  async () => {
    const { outcome, report, svg, testnet } = await runText(shortened("partition-and-heal.toml"));
    expect(outcome).toMatchObject({ code: 0, err: "" });
    expect(report.steps.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.steps.filter(({ kind }) => kind === "expect")).toHaveLength(7);
    expect(report.faults).toMatchObject([{ kind: "cut", label: "cut 0-1 | 2-3" }]);
    const [left, , right] = report.lanes.map(({ stretches }) => stretches);
    const { fromMs, toMs } = report.faults[0]!;
    const during = (lane: typeof left) =>
      lane?.filter((each) => each.fromMs > fromMs && each.toMs < toMs).map((each) => each.digest);
    expect(during(left)?.filter((digest) => during(right)?.includes(digest))).toEqual([]);
    expect(left?.at(-1)?.digest).toBe(right?.at(-1)?.digest);
    expect(svg).toContain("cut 0-1 | 2-3");
    expect(existsSync(testnet.dir)).toBe(false);
  },
);

test("what does not hold is named by line and by what was seen", patient, async () => {
  const text = [
    "nodes = 1",
    "[[step]]",
    'exec = "kv put colour blue"',
    "[[step]]",
    'exec = "kv get shape"',
    "exit = 1",
    "[[step]]",
    'expect = "value"',
    'key = "colour"',
    'value = "red"',
    'within = "300ms"',
    "[[step]]",
    'wait = "9m"',
  ].join("\n");
  const { outcome, report, svg, testnet } = await runText(text);
  expect(outcome.code).toBe(1);
  const { error } = JSON.parse(outcome.err) as { error: { code: string; message: string } };
  expect(error.code).toBe("SCENARIO_FAILED");
  expect(error.message).toMatch(
    /short\.toml:7: expect register colour = red within 0\.3 s: 0 shows "blue"$/,
  );
  expect(report.steps.map(({ ok }) => ok)).toEqual([true, true, false]);
  expect(svg).toContain("it failed");
  expect(existsSync(testnet.dir)).toBe(false);
});
