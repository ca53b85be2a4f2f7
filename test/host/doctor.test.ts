import { once } from "node:events";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { prepareControlSocket } from "../../src/host/data-dir.ts";
import { runDoctor, type DaemonFacts, type DoctorFacts } from "../../src/host/doctor.ts";
import { acquireLock } from "../../src/host/lock.ts";
import { initNode } from "../../src/offline.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const MiB = 1024 * 1024;

const daemon: DaemonFacts = {
  addresses: ["/ip4/192.0.2.7/tcp/4001"],
  connections: 3,
  othersKnown: 5,
  routingTableSize: 4,
  clockOffsetMs: -120,
  clockLeadMs: 0,
  writable: true,
};
const alone = { connections: 0, othersKnown: 0, routingTableSize: 0, clockOffsetMs: null };

/** A node as a running daemon has it. */
async function healthy(): Promise<{
  facts: DoctorFacts & { daemon: DaemonFacts };
  stop: () => void;
}> {
  const dataDir = join(temporaryFolder(), "node");
  await initNode({ dataDir });
  const lock = await acquireLock(dataDir);
  const server = createServer().listen(prepareControlSocket(dataDir));
  await once(server, "listening");
  const stop = (): void => {
    server.close();
    lock.release();
  };
  onTestFinished(stop);
  return { facts: { dataDir, daemon, freeBytes: async () => 5_000 * MiB }, stop };
}

type Verdicts = Readonly<Record<string, string>>;

function verdicts(checks: Awaited<ReturnType<typeof runDoctor>>): Verdicts {
  return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
}

const allOk: Verdicts = {
  runtime: "ok",
  "data-dir": "ok",
  lock: "ok",
  "key-files": "ok",
  socket: "ok",
  addresses: "ok",
  clock: "ok",
  peers: "ok",
  dht: "ok",
  state: "ok",
  disk: "ok",
};

test("a healthy node passes every check, and nothing of the examination stays behind", async () => {
  const { facts } = await healthy();
  const checks = await runDoctor(facts);
  expect(verdicts(checks)).toEqual(allOk);
  expect(verdicts(await runDoctor(facts))).toEqual(allOk);
});

test("a new network's only member passes, and is told to invite others", async () => {
  const { facts } = await healthy();
  const checks = await runDoctor({ ...facts, daemon: { ...daemon, ...alone } });
  expect(verdicts(checks)).toEqual({ ...allOk, clock: "skip" });
  for (const name of ["peers", "dht"]) {
    expect(checks.find((check) => check.name === name)?.remedy).toContain("coterie invite");
  }
});

describe("a fault that the daemon knows is found:", () => {
  const faults: [string, string, string, Partial<DaemonFacts>, RegExp, RegExp][] = [
    ["no address", "addresses", "fail", { addresses: [] }, /nobody can dial/, /network.listen/],
    [
      "only loopback addresses",
      "addresses",
      "warn",
      { addresses: ["/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1"] },
      /only this machine/,
      /network.listen/,
    ],
    [
      "a clock 6 s ahead",
      "clock",
      "warn",
      { clockOffsetMs: 6_000 },
      /^6.0 s ahead/,
      /set the clock/,
    ],
    [
      "a clock 61 s behind",
      "clock",
      "fail",
      { clockOffsetMs: -61_000 },
      /^61.0 s behind/,
      /set the clock/,
    ],
    ["no peer of five", "peers", "warn", { connections: 0 }, /none connected, of 5/, /ticket/],
    ["an empty routing table", "dht", "warn", { routingTableSize: 0 }, /table is empty/, /ticket/],
    ["a store that takes no writes", "state", "fail", { writable: false }, /no writes/, /space/],
    [
      "stamps from 2099",
      "state",
      "fail",
      { clockLeadMs: 61_000 },
      /leads this machine's by 61 s/,
      /clock/,
    ],
  ];
  test.each(faults)("%s", async (_what, name, verdict, fault, detail, remedy) => {
    const { facts } = await healthy();
    const checks = await runDoctor({ ...facts, daemon: { ...daemon, ...fault } });
    expect(verdicts(checks)).toEqual({ ...allOk, [name]: verdict });
    const check = checks.find((one) => one.name === name);
    expect(check?.detail).toMatch(detail);
    expect(check?.remedy).toMatch(remedy);
  });
});

describe("a fault on the machine is found:", () => {
  const faults: [
    string,
    string,
    string,
    (facts: DoctorFacts) => Partial<DoctorFacts> | void,
    RegExp,
  ][] = [
    ["an old runtime", "runtime", "fail", () => ({ nodeVersion: "22.18.0" }), /install Node 22.19/],
    [
      "a data directory open to others",
      "data-dir",
      "fail",
      ({ dataDir }) => chmodSync(dataDir, 0o750),
      /^chmod 700 /,
    ],
    [
      "a lock that another process has",
      "lock",
      "fail",
      ({ dataDir }) => writeFileSync(join(dataDir, "lock.pid"), "1\n"),
      /stop both/,
    ],
    [
      "an identity that others may read",
      "key-files",
      "fail",
      ({ dataDir }) => chmodSync(join(dataDir, "identity.key"), 0o640),
      /^chmod 600 .*identity.key$/,
    ],
    [
      "a network secret that others may read",
      "key-files",
      "fail",
      ({ dataDir }) => chmodSync(join(dataDir, "network.json"), 0o604),
      /^chmod 600 .*network.json$/,
    ],
    [
      "an owner key that others may read",
      "key-files",
      "fail",
      ({ dataDir }) => chmodSync(join(dataDir, "owner.key"), 0o644),
      /^chmod 600 .*owner.key$/,
    ],
    [
      "a missing identity",
      "key-files",
      "fail",
      ({ dataDir }) => rmSync(join(dataDir, "identity.key")),
      /backup/,
    ],
    [
      "no network",
      "key-files",
      "fail",
      ({ dataDir }) => rmSync(join(dataDir, "network.json")),
      /coterie init/,
    ],
    [
      "a nearly full disk",
      "disk",
      "warn",
      () => ({ freeBytes: async () => 900 * MiB }),
      /free space/,
    ],
    ["a full disk", "disk", "fail", () => ({ freeBytes: async () => 63 * MiB }), /free space/],
  ];
  test.each(faults)("%s", async (_what, name, verdict, inject, remedy) => {
    const { facts } = await healthy();
    const checks = await runDoctor({ ...facts, ...inject(facts) });
    expect(verdicts(checks)).toEqual({ ...allOk, [name]: verdict });
    expect(checks.find((one) => one.name === name)?.remedy).toMatch(remedy);
  });

  test("a socket that nobody answers", async () => {
    const { facts, stop } = await healthy();
    stop();
    const checks = await runDoctor(facts);
    expect(checks.find(({ name }) => name === "socket")).toMatchObject({
      verdict: "fail",
      remedy: "coterie up",
    });
  });

  test("a data directory that cannot be written", async () => {
    const dataDir = join(temporaryFolder(), "none");
    const checks = await runDoctor({ dataDir });
    expect(verdicts(checks)).toMatchObject({
      "data-dir": "fail",
      "key-files": "fail",
      disk: "fail",
    });
  });
});

test("without a daemon, what only it knows is skipped and the socket fails", async () => {
  const { facts, stop } = await healthy();
  stop();
  const checks = await runDoctor({ dataDir: facts.dataDir });
  expect(verdicts(checks)).toMatchObject({
    runtime: "ok",
    "data-dir": "ok",
    lock: "skip",
    "key-files": "ok",
    socket: "fail",
    addresses: "skip",
    clock: "skip",
    peers: "skip",
    dht: "skip",
    state: "skip",
  });
});
