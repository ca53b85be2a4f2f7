/** What a person expects of two machines in one network. */
import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { coterie, follow, type Followed } from "./command.ts";
import { root, until, type DaemonProcess } from "./daemon-process.ts";
import { launchPair, type Pair } from "./pair.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
let pair: Pair;

beforeAll(async () => {
  pair = await launchPair(folder);
});

afterAll(async () => {
  await Promise.all([pair.one.kill(), pair.other.kill()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Exit code 0, or its error. */
async function run(at: DaemonProcess, words: readonly string[], input = ""): Promise<Buffer> {
  const { code, stdout, err } = await coterie(words, { dataDir: at.info.dataDir, input });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return stdout;
}

function followed(at: DaemonProcess, ...words: string[]): Followed {
  const command = follow(words, { dataDir: at.info.dataDir });
  onTestFinished(() => command.stop());
  return command;
}

/** Waits until a key has this value on that daemon. */
function holds(at: DaemonProcess, key: string, value: string, timeoutMs?: number): Promise<void> {
  const isThere = async (): Promise<boolean> => {
    const { items } = await at.client.kvList("default", { prefix: key });
    return items.some((item) => item.key === key && item.value === value);
  };
  return until(`${key} is on the other`, isThere, timeoutMs);
}

async function sameDigest({ one, other }: Pair): Promise<boolean> {
  const [ours, theirs] = await Promise.all([one.client.status(), other.client.status()]);
  return ours.state.digest === theirs.state.digest;
}

test("a put on one is read on the other, and so is its deletion", async () => {
  const { one, other } = pair;
  await run(one, ["kv", "put", "greeting", "hello, world"]);
  await holds(other, "greeting", "hello, world");
  expect((await run(other, ["kv", "get", "greeting"])).toString()).toBe("hello, world\n");
  await run(other, ["kv", "del", "greeting"]);
  await until("it is gone", async () => {
    const { items } = await one.client.kvList("default", { prefix: "greeting" });
    return items.length === 0;
  });
});

test("a value too large for gossip is on the other soon all the same", async () => {
  const { one, other } = pair;
  const large = "x".repeat(256 * 1024);
  await one.client.kvPut("default", "large", { kind: "text", bytes: Buffer.from(large) });
  // the periodic reconciliation would take 11 s at least
  await holds(other, "large", large, 10_000);
});

test("events reach whoever subscribed, on the same node and on the other", async () => {
  const { one, other } = pair;
  const listeners = [one, other].map((at) => followed(at, "event", "subscribe", "news", "--json"));
  const arrived = Promise.all(listeners.map((each) => each.line((line) => line.includes("extra"))));
  let isThere = false;
  void arrived.then(() => (isThere = true));
  // nothing is kept for those who subscribe later, so it is said again until both have heard it
  await until("both have heard it", async () => {
    await run(one, ["event", "publish", "news", "extra \u2028 {}"]);
    return isThere;
  });
  for (const line of await arrived) {
    expect(JSON.parse(line)).toMatchObject({
      topic: "news",
      author: one.info.peerId,
      data: "extra \u2028 {}",
    });
  }
});

test("logs --follow --level debug shows more than the daemon itself logs", async () => {
  const { one } = pair;
  const logs = followed(one, "logs", "--follow", "--level", "debug", "--json");
  await logs.line((line) => line.includes('"ready"'));
  const debug = logs.line((line) => line.includes('"level":"debug"'));
  await one.client.status();
  expect(JSON.parse(await debug)).toMatchObject({ level: "debug" });
  expect(one.log().every(({ level }) => level === "info")).toBe(true);
});

test("awkward JSON is byte for byte the same after import, spreading and export", async () => {
  const { one, other } = pair;
  const values = [
    "123456789012345678901234567890",
    "1.0",
    "-0",
    "1E400",
    "0.1e-7",
    '"\\u00e9\\ud83d\\ude00 \\/ \\" \\\\ \\b\\t"',
    '"\\ud800"',
    '"\u00e9 \u{1f600} \u2028 \u0000"'.replace("\u0000", "\\u0000"),
    '{ "b" : [ 1 , 2.50 ,{"a": null} ] ,"a":true, "a":false}',
    `${"[".repeat(60)}1.10${"]".repeat(60)}`,
    '""',
    "{}",
  ];
  const lines = values.map((value, number) => {
    return `{"key":"awkward/${String(number).padStart(3, "0")}","value":${value}}`;
  });
  const text = `${lines.join("\n")}\n`;
  await run(one, ["kv", "import", "-"], text);
  await until("both are equal", () => sameDigest(pair));
  const exported = await run(other, ["kv", "export", "--prefix", "awkward/"]);
  expect(exported.toString()).toBe(text);
  const got = await run(other, ["kv", "get", "awkward/008"]);
  expect(got.toString()).toBe(`${values[8]}\n`);
});

test("this project's own package records are the same on the other, byte for byte", async () => {
  const { one, other } = pair;
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, unknown>;
  };
  const lines = Object.entries(lock.packages).map(([path, record]) => {
    return `${JSON.stringify({ key: `packages/${path}`, value: record })}\n`;
  });
  expect(lines.length).toBeGreaterThan(100);
  await run(one, ["kv", "import", "-"], lines.join(""));
  await until("both are equal", () => sameDigest(pair));
  const exported = await run(other, ["kv", "export", "--prefix", "packages/"]);
  const inOrder = lines.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(exported.toString()).toBe(inOrder.join(""));
});
