import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { verbsOf } from "../../src/cli/table.ts";
import { changeRecord, createRecord } from "../../testnet/record.ts";
import { codedError } from "../coded-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { runMain } from "./fake-io.ts";

const listen = Array.from({ length: 4 }, () => "/ip4/127.0.0.1/tcp/0");

function stoppedTestnet(): string {
  const dir = createRecord(join(temporaryFolder(), "net"), listen);
  changeRecord(dir, (record) => ({ ...record, phase: "up" }));
  return dir;
}

async function usageError(...words: string[]): Promise<string> {
  const { message, hint } = await codedError(() => runMain(words), "USAGE");
  return `${message}; ${hint}`;
}

describe("wrong usage is named, with what was meant:", () => {
  test.each([
    [["prtition"], 'unknown command "testnet prtition"; did you mean "testnet partition"?'],
    [["fly"], 'unknown command "testnet fly"; see: coterie testnet help'],
    [["status", "--frob"], "unknown option '--frob'; see: coterie testnet help status"],
    [["heal", "now"], '"testnet heal" has no use for "now"; usage: coterie testnet heal'],
    [["kill"], '"testnet kill" wants SET; usage: coterie testnet kill SET'],
    [
      ["exec", "0", "status"],
      '"testnet exec" has no use for "status"; usage: coterie testnet exec NODE -- COMMAND...',
    ],
    [
      ["exec", "0"],
      '"testnet exec" wants NODE -- COMMAND...; usage: coterie testnet exec NODE -- COMMAND...',
    ],
    [["status", "--", "x"], '"testnet status" has no use for "x"; usage: coterie testnet status'],
  ])("%j", async (words, said) => {
    expect(await usageError(...words)).toBe(said);
  });

  test.each([["0"], ["255"], ["x"], ["1.5"], [""]])("up -n %j", async (count) => {
    const dir = join(temporaryFolder(), "net");
    expect(await usageError("up", "-n", count, "--dir", dir)).toContain("-n wants a number from 1");
    expect(existsSync(dir)).toBe(false);
  });

  test.each(["x", "0s", "5d", "-1s"])("converge --timeout=%s", async (time) => {
    const dir = stoppedTestnet();
    expect(await usageError("converge", `--timeout=${time}`, "--dir", dir)).toContain(
      "wants a time",
    );
  });

  test.each([
    ["partition", "0-1"],
    ["partition", "0-2", "0-2"],
    ["partition", "0-1>"],
    ["partition", "0>1>2"],
    ["partition", "1>1"],
    ["link", "0", "--stall"],
    ["link", "0", "1"],
    ["link", "0", "0", "--stall"],
    ["link", "0>1", "2", "--stall"],
    ["link", "0", "1", "--rate", "fast"],
    ["link", "0", "1", "--reset", "2"],
    ["link"],
    ["pause", "4"],
    ["resume", "x"],
    ["chaos", "--seed", "x"],
    ["chaos", "--rate", "0"],
    ["chaos", "--for", "soon"],
    ["partition", "0-1", "2-4"],
    ["kill", "4"],
    ["start", "0-4"],
    ["exec", "0-1", "--", "status"],
    ["logs", "a"],
  ])("%s %s %s", async (...words) => {
    const dir = stoppedTestnet();
    const before = words.filter((word) => word !== undefined);
    const end = before.indexOf("--");
    const at = end < 0 ? before.length : end;
    await usageError(...before.toSpliced(at, 0, "--dir", dir));
  });
});

test("options may stand before the verb", async () => {
  const dir = stoppedTestnet();
  const { out } = await runMain(["--json", "--dir", dir, "status"]);
  expect(JSON.parse(out)).toMatchObject({ dir, phase: "up", partition: null });
});

test("without a testnet every verb says how to start one", async () => {
  const dir = temporaryFolder();
  for (const words of [["status"], ["heal"], ["down"], ["logs", "0"], ["kill", "0"]]) {
    const { hint } = await codedError(() => runMain([...words, "--dir", dir]), "NOT_FOUND");
    expect(hint).toContain("coterie testnet up");
  }
});

test("a second up in a used folder is refused", async () => {
  const dir = stoppedTestnet();
  const { hint } = await codedError(
    () => runMain(["up", "-n", "2", "--dir", dir]),
    "ALREADY_INITIALISED",
  );
  expect(hint).toContain(`coterie testnet down --dir ${dir}`);
});

test("a testnet that has not come up can only be looked at and ended", async () => {
  const dir = createRecord(join(temporaryFolder(), "net"), listen);
  for (const words of [["heal"], ["kill", "0"], ["start", "0"], ["converge"]]) {
    await codedError(() => runMain([...words, "--dir", dir]), "NOT_RUNNING");
  }
  const { out } = await runMain(["status", "--json", "--dir", dir]);
  expect(JSON.parse(out)).toMatchObject({ phase: "starting" });
  expect(await runMain(["down", "--dir", dir])).toMatchObject({ code: 0 });
  expect(existsSync(dir)).toBe(false);
});

test("stopped nodes agree on nothing", async () => {
  const dir = stoppedTestnet();
  const { hint } = await codedError(() => runMain(["converge", "--dir", dir]), "NOT_RUNNING");
  expect(hint).toBe(`start them with: coterie testnet start --dir ${dir} 0-3`);
});

test("help names every verb there is, and no other", async () => {
  const { out } = await runMain([]);
  const verbs = [...out.matchAll(/^ {2}(\w+)(?= |$)/gm)].map(([, verb]) => verb);
  expect(verbs.filter((verb) => verb !== "coterie")).toEqual(
    "up status partition heal link kill start pause resume converge chaos exec logs run down".split(
      " ",
    ),
  );
  const [argument] = verbsOf("testnet")[0]?.args ?? [];
  expect(argument?.choices).toEqual(verbs.filter((verb) => verb !== "coterie"));
  for (const words of [
    ["up", "--help"],
    ["help", "up"],
    ["help", "up", "--dir", "x"],
  ]) {
    expect((await runMain(words)).out).toMatch(/^Usage: coterie testnet up \[OPTIONS\]\n/);
  }
});
