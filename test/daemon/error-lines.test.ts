/** What a person reads when something is wrong: one line that says what to do next, and the exit code that scripts see. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { coterie, type Outcome } from "./command.ts";
import { launchDaemon, type DaemonProcess } from "./daemon-process.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
const dirOf = (name: string): string => join(folder, name);
let ours: DaemonProcess;
let theirs: DaemonProcess;
let ticketOfTheirs: string;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([
    launchDaemon({ dataDir: dirOf("ours") }),
    launchDaemon({ dataDir: dirOf("theirs") }),
  ]);
  ({ ticket: ticketOfTheirs } = await theirs.client.invite());
});

afterAll(async () => {
  await Promise.all([ours.kill(), theirs.kill()]);
  rmSync(folder, { recursive: true, force: true });
});

type Case = {
  readonly name: string;
  readonly words: () => string[];
  readonly dataDir?: () => string;
  readonly code: number;
  readonly says: RegExp;
};

function damaged(ticket: string): string {
  const at = ticket.length >> 1;
  return `${ticket.slice(0, at)}${ticket[at] === "a" ? "b" : "a"}${ticket.slice(at + 1)}`;
}

function brokenConfig(): string {
  const dataDir = dirOf("broken-config");
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(join(dataDir, "config.toml"), "[network]\nlisten = 4001\n");
  return dataDir;
}

const nowhere = (): string => dirOf("nowhere");

const cases: readonly Case[] = [
  {
    name: "a damaged ticket",
    words: () => ["join", damaged(ticketOfTheirs)],
    dataDir: nowhere,
    code: 2,
    says: /ticket/,
  },
  {
    name: "something that is no ticket",
    words: () => ["up", "--join", "hello"],
    dataDir: nowhere,
    code: 2,
    says: /ticket/,
  },
  {
    name: "the ticket of another network",
    words: () => ["join", ticketOfTheirs],
    dataDir: () => dirOf("ours"),
    code: 1,
    says: /already|another/,
  },
  {
    name: "an unknown flag",
    words: () => ["up", "--detatch"],
    code: 2,
    says: /--detatch.*--detach/,
  },
  { name: "an unknown command", words: () => ["kv", "putt", "a", "b"], code: 2, says: /kv put/ },
  {
    name: "a broken config",
    words: () => ["up"],
    dataDir: brokenConfig,
    code: 2,
    says: /config\.toml:2: network\.listen must be a list of strings/,
  },
  {
    name: "no daemon",
    words: () => ["status"],
    dataDir: nowhere,
    code: 3,
    says: /no daemon answers.*start one with: coterie up/,
  },
  {
    name: "a second daemon",
    words: () => ["up", "--no-mdns"],
    dataDir: () => dirOf("ours"),
    code: 1,
    says: /process \d+ already uses .*; see it with: coterie status/,
  },
  {
    name: "a key that is not there",
    words: () => ["kv", "get", "nothing"],
    dataDir: () => dirOf("ours"),
    code: 1,
    says: /there is no such key/,
  },
  {
    name: "a namespace that belongs to the network",
    words: () => ["kv", "put", "members/me", "x", "--namespace", "sys"],
    dataDir: () => dirOf("ours"),
    code: 6,
    says: /write to another namespace/,
  },
];

const run = ({ words, dataDir }: Case, ...more: string[]): Promise<Outcome> =>
  coterie([...words(), ...more], { dataDir: dataDir?.() ?? nowhere() });

test.each(cases)("$name: one line and exit code $code", async (one) => {
  const { code, out, err } = await run(one);
  expect({ code, out }).toEqual({ code: one.code, out: "" });
  expect(err).toMatch(/^coterie: [^\n]+\n$/);
  expect(err).toMatch(one.says);
  expect(err).not.toMatch(/\bat .*\.js:\d+/);
});

test("--debug adds the stack", async () => {
  const { code, err } = await coterie(["status", "--debug"], { dataDir: temporaryFolder() });
  expect(code).toBe(3);
  const [line, ...stack] = err.trimEnd().split("\n");
  expect(line).toMatch(/^coterie: no daemon answers/);
  expect(stack.join("\n")).toMatch(/\bat .*\.js:\d+/);
});

test("a node of another network is told so when it dials, and gets no connection", async () => {
  const { addresses } = theirs.info;
  await expect(ours.client.dial(addresses)).rejects.toMatchObject({
    // on a busy machine the handshake may also run out of time
    code: expect.stringMatching(/^(?:WRONG_NETWORK|UNREACHABLE)$/),
  });
  expect((await ours.client.status()).connections).toBe(0);
  expect((await theirs.client.status()).connections).toBe(0);
});
