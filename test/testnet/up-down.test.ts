import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isRunning } from "../../testnet/process-identity.ts";
import type { NodeReport } from "../../testnet/report.ts";
import { waitUntil } from "../../testnet/wait-until.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { outcomeOf, patient, Testnet } from "./testnet.ts";

type Report = { readonly whole: boolean; readonly nodes: readonly NodeReport[] };

test(
  "five nodes find each other, each told of its predecessor alone, and leave nothing behind",
  patient,
  async () => {
    const folder = temporaryFolder();
    const testnet = new Testnet(join(folder, "net"));
    const { whole, nodes } = await testnet.json<Report>("up", "-n", "5");
    expect(whole).toBe(true);
    expect(
      nodes.map(({ members, connections, state }) => ({ members, connections, state })),
    ).toEqual(Array.from({ length: 5 }, () => ({ members: 5, connections: 4, state: "running" })));
    const again = await testnet.run("up", "-n", "2", "--json");
    expect(again.code).toBe(1);
    expect(JSON.parse(again.err)).toHaveProperty("error.code", "ALREADY_INITIALISED");

    expect((await testnet.run("exec", "0", "--", "kv", "put", "hello", "world")).code).toBe(0);
    expect((await testnet.run("converge")).code).toBe(0);
    expect(await testnet.run("exec", "4", "--", "kv", "get", "hello")).toMatchObject({
      code: 0,
      out: "world\n",
    });
    expect(await testnet.run("exec", "4", "--", "kv", "frob")).toMatchObject({ code: 2, out: "" });

    const processes = testnet.processes();
    expect(processes.filter(isRunning)).toHaveLength(5);
    expect((await testnet.run("down")).code).toBe(0);
    expect(processes.filter(isRunning)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  },
);

test(
  "sockets that do not fit into a deep folder go with their testnet, even after a kill",
  patient,
  async () => {
    const folder = temporaryFolder();
    const elsewhere = join(folder, "run");
    mkdirSync(elsewhere);
    const deep = join(folder, "deep".repeat(25), "net");
    const testnet = new Testnet(deep, { XDG_RUNTIME_DIR: elsewhere });
    await testnet.json("up", "-n", "2");
    expect(readdirSync(elsewhere)).toHaveLength(2);
    await testnet.json("kill", "0");
    await testnet.json("down");
    expect(readdirSync(elsewhere)).toEqual([]);
  },
);

/** Process ids of all daemons that ever held a data directory here. */
function lockHolders(dir: string): number[] {
  return readdirSync(dir)
    .map((name) => join(dir, name, "lock.pid"))
    .filter((path) => existsSync(path))
    .map((path) => Number(readFileSync(path, "utf8")));
}

test(
  "an up that is killed while it starts leaves no daemon, and down clears away",
  patient,
  async () => {
    const testnet = new Testnet();
    const child = testnet.spawn("up", "-n", "4");
    const outcome = outcomeOf(child);
    const begun = await waitUntil(() => testnet.processes().length >= 3, { timeoutMs: 20_000 });
    expect(begun).toBe(true);
    child.kill("SIGKILL");
    expect(await outcome).toMatchObject({ signal: "SIGKILL" });
    const left = (): boolean =>
      testnet.processes().some(isRunning) || lockHolders(testnet.dir).length > 0;
    expect(await waitUntil(() => !left(), { timeoutMs: 15_000 })).toBe(true);
    expect((await testnet.run("down")).code).toBe(0);
    expect(existsSync(testnet.dir)).toBe(false);
  },
);

test("an up that is interrupted takes everything with it", patient, async () => {
  const testnet = new Testnet();
  const child = testnet.spawn("up", "-n", "4");
  const outcome = outcomeOf(child);
  const begun = await waitUntil(() => testnet.processes().length >= 2, { timeoutMs: 20_000 });
  expect(begun).toBe(true);
  const processes = testnet.processes();
  child.kill("SIGINT");
  expect(await outcome).toMatchObject({ code: 130 });
  expect(processes.filter(isRunning)).toEqual([]);
  expect(existsSync(testnet.dir)).toBe(false);
});
