import type { TSchema } from "typebox";
import { Value } from "typebox/value";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as schema from "../../src/control/schema.ts";
import { CoterieError, errorCodes, type ErrorCode } from "../../src/core/errors.ts";
import { reportFailure } from "../../src/cli/failure.ts";
import type { Io } from "../../src/cli/io.ts";
import { run, startFake, temporaryFolder, type Fake } from "./cli.ts";
import { fakeState, peerB, ticket } from "./fake-daemon.ts";
import { runOnTerminal, runPiped } from "./terminal.ts";

const folder = temporaryFolder();
let fake: Fake;

beforeAll(async () => {
  fake = await startFake(folder.path);
});
beforeEach(() => {
  Object.assign(fake.state, fakeState(folder.path));
});
afterAll(async () => {
  await fake.stop();
  folder[Symbol.dispose]();
});

const here = () => ({ dataDir: folder.path });
const terminal = (...words: string[]) => runOnTerminal(words, folder.path);

function expectShape(shape: TSchema, json: string): void {
  expect([...Value.Errors(shape, JSON.parse(json))]).toEqual([]);
}

describe("--json prints one document of the API's shape", () => {
  test.each<[string, TSchema]>([
    ["status", schema.Status],
    ["id", schema.Identity],
    ["invite", schema.Invite],
    ["peers", schema.Peers],
    ["members", schema.Members],
    ["doctor", schema.Doctor],
    ["config show", schema.ConfigView],
    ["config get node.name", schema.ConfigItem],
    ["config reload", schema.ConfigReload],
    ["kv put k v", schema.WriteResult],
    ["kv get k", schema.KvItem],
    ["kv ls", schema.KvList],
    ["kv del k", schema.WriteResult],
    ["event publish topic data", schema.PublishResult],
  ])("%s", async (command, shape) => {
    const { code, out, err } = await run([...command.split(" "), "--json"], here());
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.trimEnd().split("\n")).toHaveLength(1);
    expectShape(shape, out);
  });

  test("of log records, one line each", async () => {
    const { code, out } = await run(["logs", "--json"], here());
    expect(code).toBe(0);
    const lines = out.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines) expectShape(schema.LogRecord, line);
  });
});

test("an invitation is one word on stdout, and a plain warning on stderr", async () => {
  const { code, out, err } = await run(["invite"], here());
  expect({ code, out }).toEqual({ code: 0, out: `${ticket}\n` });
  expect(err).toContain("Whoever holds this ticket is in");
  expect(err).toContain("Removing somebody is not possible yet");
});

test("members: filtered by status, followed as they change, and forgotten", async () => {
  const failed = await run(["members", "--status", "failed", "--json"], here());
  expect(JSON.parse(failed.out).members).toMatchObject([{ peerId: peerB, status: "failed" }]);
  const watched = await run(["members", "--watch", "--json"], here());
  const lines = watched.out.trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  for (const line of lines) expectShape(schema.Member, line);
  const forgotten = await run(["members", "forget", peerB, "--json"], here());
  expectShape(schema.Member, forgotten.out);
  expect(await run(["members", "forget", "nobody"], here())).toMatchObject({ code: 1, out: "" });
  expect(await run(["members", "forget"], here())).toMatchObject({ code: 2, out: "" });
  expect(await run(["members", "forgte", "x"], here())).toMatchObject({ code: 2, out: "" });
});

test("members: those that have all of the tags asked for, and the status", async () => {
  const names = async (...words: string[]): Promise<string[]> => {
    const { out } = await run(["members", "--json", ...words], here());
    return JSON.parse(out).members.map(({ peerId }: { peerId: string }) => peerId);
  };
  const [worker] = await names("--status", "alive");
  expect(await names("--tag", "role=worker")).toEqual([worker]);
  expect(await names("--tag", "role=worker", "--tag", "zone=home")).toEqual([worker]);
  expect(await names("--tag", "role=worker", "--tag", "zone=away")).toEqual([]);
  expect(await names("--tag=constructor=x")).toEqual([]);
  expect(await names("--tag", "role=worker", "--status", "failed")).toEqual([]);
  const watched = await run(["members", "--watch", "--json", "--tag", "zone=home"], here());
  expect(watched.out.trimEnd().split("\n")).toHaveLength(1);
  const wrong = await run(["members", "--tag", "role"], here());
  expect(wrong).toMatchObject({ code: 2, out: "" });
  expect(wrong.err).toContain("NAME=VALUE");
  expect((await terminal("members")).out).toContain("role=worker zone=home");
});

test("a name from the network cannot forge a row or reach the terminal raw", async () => {
  const piped = await run(["members"], here());
  expect(piped.out.trimEnd().split("\n")).toHaveLength(2);
  expect(piped.out.split("\n")[1]).toBe(
    `evil\\x1b[2J\\tname\\nrow\\u{202e}\tfailed\t-\tno\t0.1.0\t${peerB}\t-\t-\trole=worker\\x1b[2J\\t\\n`,
  );
  const shown = await terminal("members");
  expect(shown.out).toContain("evil\\x1b[2J");
  expect(shown.out).toContain("HEARD");
  // oxlint-disable-next-line no-control-regex
  expect(shown.out.replaceAll(/\u001b\[\d+m/g, "")).not.toMatch(/[\u001b\u202e]/);
});

test("peers are listed with tabs when piped and with units on a terminal", async () => {
  const { out } = await run(["peers"], here());
  expect(out.split("\n")[0]).toBe(`owl\t${peerB}\toutbound\t61000\t1.25\t/ip4/192.0.2.9/tcp/4001`);
  const shown = await terminal("peers");
  expect(shown.out).toContain("1 min 1 s");
  expect(shown.out).toContain("1.3 ms");
});

test("the status page fits the terminal", async () => {
  const { code, out } = await terminal("status");
  expect(code).toBe(0);
  expect(out.trimEnd().split("\n").length).toBeLessThanOrEqual(23);
});

describe("doctor", () => {
  test("fails only if a check failed", async () => {
    expect((await run(["doctor"], here())).code).toBe(0);
    fake.state.doctor = {
      checks: [
        { name: "clock", verdict: "warn", detail: "3 s off", remedy: "set the clock" },
        { name: "disk", verdict: "fail", detail: "full", remedy: "free some space" },
      ],
    };
    const { code, out } = await run(["doctor"], here());
    expect({ code, out }).toEqual({
      code: 1,
      out: "warn\tclock\t3 s off\tset the clock\nfail\tdisk\tfull\tfree some space\n",
    });
    expect((await terminal("doctor")).out).toContain("free some space");
  });

  test("examines the data directory when no daemon runs", async () => {
    using empty = temporaryFolder();
    const { code, out } = await run(["doctor", "--json", "--data-dir", empty.path]);
    expect(code).toBe(1);
    expectShape(schema.Doctor, out);
    expect(out).toContain("run: coterie up");
  });
});

test("doctor says so when a daemon does not answer as it should", async () => {
  fake.state.doctor = undefined as unknown as typeof fake.state.doctor;
  const { code, out } = await run(["doctor"], here());
  expect(code).toBe(1);
  expect(out).toMatch(/^fail\tdaemon answers\t.+\nok\truntime/);
});

describe("logs", () => {
  test("are lines with tabs when piped, filtered by level and tail", async () => {
    const { out } = await run(["logs", "--level", "info", "--tail", "1"], here());
    expect(out).toBe(
      `2023-11-14T22:13:20.002Z\terror\tsync\trecord 2\tpeer=${peerB} note="two words"\n`,
    );
  });

  test("change their level at run time", async () => {
    const { code, err } = await run(["logs", "--set-level", "trace"], here());
    expect({ code, level: fake.state.level }).toEqual({ code: 0, level: "trace" });
    expect(err).toContain("logs trace and graver");
  });
});

describe("config", () => {
  test("shows each value, and with --origin where it came from", async () => {
    const { out } = await run(["config", "show", "--origin"], here());
    expect(out).toBe('node.name\tfalcon\tflag\nnetwork.listen\t["/ip4/0.0.0.0/tcp/0"]\tdefault\n');
  });

  test("prints one setting bare, and names the nearest for an unknown one", async () => {
    expect((await run(["config", "get", "node.name"], here())).out).toBe("falcon\n");
    const { code, err } = await run(["config", "get", "node.nam"], here());
    expect({ code, err }).toEqual({
      code: 2,
      err: 'coterie: there is no setting "node.nam"; did you mean "node.name"?\n',
    });
  });

  test("shows what a daemon would have when none runs", async () => {
    using empty = temporaryFolder();
    const at = (...words: string[]) => runPiped(["config", ...words], empty.path);
    expect((await at("get", "node.name")).out).toBe("offline\n");
    expect((await at("path")).out).toBe(`${empty.path}/config.toml\n`);
    expect((await at("set", "node.name", "owl")).code).toBe(0);
    expect((await at("set", "nonsense", "owl")).code).toBe(2);
  });

  test("says what a reload changed and what waits for a restart", async () => {
    const { out, err } = await run(["config", "reload"], here());
    expect({ out, err }).toEqual({
      out: "log.level\tinfo\tdebug\n",
      err: "takes effect after a restart: network.listen\n",
    });
  });
});

describe("failures", () => {
  test.each<[ErrorCode, number]>([
    ["STORE_FULL", 1],
    ["BAD_REQUEST", 2],
    ["TIMEOUT", 4],
    ["FAULTS_DISABLED", 6],
  ])("a daemon's %s is one line and exit code %d", async (code, exit) => {
    fake.state.refuse = new CoterieError(code, "no,\nnot\u001b now", { hint: "try later" });
    const plain = await run(["status"], here());
    expect(plain).toMatchObject({
      code: exit,
      out: "",
      err: "coterie: no, not\\x1b now; try later\n",
    });
    const json = await run(["status", "--json"], here());
    expect({ code: json.code, out: json.out }).toEqual({ code: exit, out: "" });
    expect(JSON.parse(json.err)).toEqual({
      error: { code, message: "no,\nnot\u001b now", hint: "try later" },
    });
    expect(json.err.trimEnd()).not.toContain("\n");
  });

  test.each(Object.entries(errorCodes))("%s has its exit code", (code, { exit }) => {
    let err = "";
    const io = { stderr: { write: (text: string) => (err += text) } } as unknown as Io;
    const error = new CoterieError(code as ErrorCode, "why");
    expect(reportFailure(io, error, { json: false, debug: false })).toBe(exit);
    expect(err).toBe("coterie: why\n");
  });

  test("no daemon: exit code 3 and how to start this one", async () => {
    using empty = temporaryFolder();
    const { code, out, err } = await run(["status", "--data-dir", empty.path]);
    expect({ code, out }).toEqual({ code: 3, out: "" });
    expect(err).toMatch(
      /^coterie: no daemon answers .*; start one with: coterie --data-dir \S+ up\n$/,
    );
  });

  test("--debug adds the stack, nothing else does", async () => {
    using empty = temporaryFolder();
    expect((await run(["id"], { dataDir: empty.path })).err.trimEnd().split("\n")).toHaveLength(1);
    expect((await run(["id", "--debug"], { dataDir: empty.path })).err).toMatch(/\n {4}at /);
  });

  test("usage errors are exit code 2, also as JSON", async () => {
    const { code, out, err } = await run(["sttaus", "--json"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(JSON.parse(err)).toEqual({
      error: { code: "USAGE", message: 'unknown command "sttaus"', hint: 'did you mean "status"?' },
    });
  });
});

test("init and join work on the data directory and say what is next", async () => {
  using empty = temporaryFolder();
  const options = { dataDir: empty.path };
  const made = await run(["init", "--name", "owl", "--network", "den"], options);
  expect(made.code).toBe(0);
  expect(made.out).toContain("made network den as owl");
  expect(made.out).toContain("Next: coterie up");
  const joined = await run(["join", "-", "--json"], { ...options, input: ` ${ticket}\n` });
  expect(JSON.parse(joined.out)).toMatchObject({ name: "host", network: { name: "home" } });
  const refused = await run(["join", "nonsense"], options);
  expect(refused).toMatchObject({ code: 2, err: "coterie: this is not a Coterie ticket\n" });
});

test("the testnet gets its words whole and gives the exit code", async () => {
  const { code, out } = await run(["testnet", "up", "-n", "3", "--json", "--", "x"]);
  expect(code).toBe(5);
  expect(JSON.parse(out)).toMatchObject({ args: ["up", "-n", "3", "--json", "--", "x"] });
});

test("version and help need no daemon", async () => {
  expect((await run(["--version"])).out).toMatch(/^coterie \d+\.\d+\.\d+ \(Node 2/);
  expect(JSON.parse((await run(["version", "--json"])).out)).toHaveProperty("version");
  expect((await run([])).out).toContain("Usage: coterie COMMAND");
  expect((await run(["help", "kv", "put"])).out).toContain("Usage: coterie kv put KEY");
  expect((await run(["kv", "put", "--help"])).out).toContain("Usage: coterie kv put KEY");
  expect((await run(["help", "kv"])).out).toContain("coterie kv get KEY");
  expect((await run(["help", "testnet"])).out).toContain("--help");
  expect(JSON.parse((await run(["help", "kv", "--json"])).out)).toHaveProperty("commands");
});
