import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { waitUntilGone } from "../../src/cli/process-end.ts";
import { outcomeOf, run, start, temporaryFolder } from "./cli.ts";
import { ticket } from "./fake-daemon.ts";

type Folder = ReturnType<typeof temporaryFolder>;

const askedOf = (folder: Folder) =>
  JSON.parse(readFileSync(join(folder.path, "asked.json"), "utf8")) as Record<string, unknown>;

test("up says where it is and what to do next, and ends with the daemon's exit code", async () => {
  using folder = temporaryFolder();
  const child = start(["up", "--data-dir", folder.path]);
  const outcome = outcomeOf(child);
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes("kv put")) break;
  }
  child.kill("SIGTERM");
  const { code, out, err } = await outcome;
  expect({ code, err }).toEqual({ code: 0, err: "starting\n" });
  expect(out).toContain("coterie is up as falcon, with a new identity, in network home");
  expect(out).toContain("listening  /ip4/127.0.0.1/tcp/4001");
  for (const next of ["status", "invite", "kv put hello world"]) {
    expect(out).toContain(`  coterie --data-dir ${folder.path} ${next}`);
  }
});

test("up hands its options on by the keys of the configuration", async () => {
  using folder = temporaryFolder();
  const words = "up --json --name owl --listen /ip4/127.0.0.1/tcp/1 --listen /ip4/127.0.0.1/tcp/2";
  const child = start(
    [...words.split(" "), "--no-mdns", "--log-level", "debug", "--enable-faults", "--join", "-"],
    { dataDir: folder.path },
  );
  const outcome = outcomeOf(child);
  child.stdin.end(`${ticket}\n`);
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  const { out } = await outcome;
  expect(JSON.parse(out)).toMatchObject({ name: "falcon", dataDir: folder.path, created: true });
  expect(askedOf(folder)).toEqual({
    dataDir: folder.path,
    flags: {
      "node.name": "owl",
      "network.listen": ["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"],
      "network.mdns": false,
      "log.level": "debug",
    },
    enableFaults: true,
    lifeline: false,
    joinTicket: ticket,
  });
});

test("a reader that goes away does not end the daemon", async () => {
  using folder = temporaryFolder();
  const child = start(["up"], { dataDir: folder.path });
  child.stdout.destroy();
  const closed = once(child, "close");
  let answer = await run(["status"], { dataDir: folder.path });
  while (answer.code === 3) answer = await run(["status"], { dataDir: folder.path });
  expect(answer.code).toBe(0);
  expect((await run(["down"], { dataDir: folder.path })).code).toBe(0);
  expect(await closed).toEqual([0, null]);
});

test("up --detach returns when the daemon is ready and leaves it running; down waits until it is gone", async () => {
  using folder = temporaryFolder();
  const dataDir = join(folder.path, "not there yet");
  const up = await run(["up", "-d", "--join", ticket, "--name", "owl"], { dataDir });
  expect({ code: up.code, err: up.err }).toEqual({ code: 0, err: "" });
  expect(up.out).toContain("coterie is up as falcon");
  const pid = Number(/process {4}(\d+)/.exec(up.out)?.[1]);
  const status = await run(["status", "--json"], { dataDir });
  expect(JSON.parse(status.out)).toHaveProperty("process.pid", pid);
  expect(askedOf({ ...folder, path: dataDir })).toMatchObject({
    joinTicket: ticket,
    flags: { "node.name": "owl" },
  });
  expect(readFileSync(join(dataDir, "daemon.log"), "utf8")).toBe("starting\n");
  expect(statSync(join(dataDir, "daemon.log")).mode & 0o777).toBe(0o600);
  expect(statSync(dataDir).mode & 0o777).toBe(0o700);

  const down = await run(["down", "--json"], { dataDir });
  expect(down.code).toBe(0);
  expect(JSON.parse(down.out)).toEqual({ stopped: true, pid, name: "falcon" });
  expect(await waitUntilGone(pid, 0)).toBe(true);
  expect(await run(["down"], { dataDir })).toMatchObject({ code: 3, out: "" });
});

test("up --detach tells why the daemon did not start, with its exit code", async () => {
  using folder = temporaryFolder();
  const options = { dataDir: folder.path, env: { COTERIE_FAKE: "refuse" } };
  expect(await run(["up", "-d"], options)).toMatchObject({
    code: 1,
    out: "",
    err: "coterie: a daemon runs here\\x1b[2J already; see coterie status\n",
  });
  const crash = await run(["up", "-d"], { ...options, env: { COTERIE_FAKE: "crash" } });
  expect(crash.code).toBe(1);
  expect(crash.err).toContain("ended (exit code 7) before it was ready; see ");
});

test("up --detach stops a daemon that does not get ready in time", async () => {
  using folder = temporaryFolder();
  const options = { dataDir: folder.path, env: { COTERIE_FAKE: "hang" } };
  const { code, err } = await run(["up", "-d", "--timeout", "1500ms"], options);
  expect({ code, err }).toEqual({
    code: 4,
    err: expect.stringContaining("was not ready within 1.5 s and was stopped"),
  });
});

test("up --detach does not write into a folder that others may read", async () => {
  using folder = temporaryFolder();
  const dataDir = join(folder.path, "open");
  mkdirSync(join(dataDir, "store"), { recursive: true });
  chmodSync(dataDir, 0o755);
  expect((await run(["up", "-d"], { dataDir })).code).toBe(1);
  expect(existsSync(join(dataDir, "daemon.log"))).toBe(false);
});

test("down gives up at its deadline with exit code 4", async () => {
  using folder = temporaryFolder();
  const child = start(["up"], { dataDir: folder.path, env: { COTERIE_FAKE: "stay" } });
  await once(child.stdout, "data");
  const { code, err } = await run(["down", "--timeout", "500ms"], { dataDir: folder.path });
  expect({ code, err }).toEqual({
    code: 4,
    err: expect.stringMatching(/still runs after 500 ms; .*kill -9 \d+\n$/),
  });
  child.kill("SIGKILL");
  await once(child, "close");
});
