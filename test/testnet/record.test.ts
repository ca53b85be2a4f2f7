import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  changeNode,
  createRecord,
  readRecord,
  removeFiles,
  type TestnetRecord,
} from "../../testnet/record.ts";
import { codedError } from "../coded-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0"];

test("what is recorded of a node is read back", () => {
  const dir = createRecord(join(temporaryFolder(), "net"), listen);
  changeNode(dir, 1, { process: { pid: 1234, startedAt: "99" }, peerId: "12D3KooW" });
  const { record } = readRecord(dir);
  expect(record).toMatchObject({ version: 1, phase: "starting", partition: null });
  expect(record.nodes).toMatchObject([
    { index: 0, name: "node-0", dataDir: join(dir, "node-0"), process: null },
    { index: 1, process: { pid: 1234, startedAt: "99" }, peerId: "12D3KooW" },
  ]);
  expect(readdirSync(dir)).toEqual(["testnet.json"]);
});

test("a folder in use is refused and left as it is", async () => {
  const folder = temporaryFolder();
  const dir = createRecord(join(folder, "net"), listen);
  const before = readFileSync(join(dir, "testnet.json"), "utf8");
  await codedError(() => createRecord(dir, listen), "ALREADY_INITIALISED");
  expect(readFileSync(join(dir, "testnet.json"), "utf8")).toBe(before);
  await codedError(() => createRecord(folder, listen), "BAD_DATA_DIR");
  expect(readdirSync(folder)).toEqual(["net"]);
});

test("what a killed command was writing is in nobody's way", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "testnet.json.4711"), '{"vers');
  const dir = createRecord(folder, listen);
  removeFiles(dir, readRecord(dir).record);
  expect(existsSync(folder)).toBe(false);
});

test("removal takes what the testnet made and nothing else", () => {
  const folder = temporaryFolder();
  const dir = createRecord(join(folder, "net"), listen);
  mkdirSync(join(dir, "node-0", "store"), { recursive: true });
  writeFileSync(join(dir, "notes.txt"), "mine");
  removeFiles(dir, readRecord(dir).record);
  expect(readdirSync(dir)).toEqual(["notes.txt"]);
});

test("a copied or moved folder is refused, since it names the processes of the original", async () => {
  const folder = temporaryFolder();
  const dir = createRecord(join(folder, "net"), listen);
  cpSync(dir, join(folder, "copy"), { recursive: true });
  const error = await codedError(() => readRecord(join(folder, "copy")), "BAD_DATA_DIR");
  expect(error.message).toContain(join(dir, "node-0"));
});

const damages: Record<string, (record: TestnetRecord) => unknown> = {
  "no object": () => 7,
  "another version": (record) => ({ ...record, version: 2 }),
  "no nodes": (record) => ({ ...record, nodes: [] }),
  "a process group for a process": ({ nodes, ...record }) => ({
    ...record,
    nodes: nodes.map((node) => ({ ...node, process: { pid: -1, startedAt: "1" } })),
  }),
  "a process without its start": ({ nodes, ...record }) => ({
    ...record,
    nodes: nodes.map((node) => ({ ...node, process: { pid: 4711 } })),
  }),
};

test.each(Object.entries(damages))("a record with %s is not trusted", async (_, damage) => {
  const dir = createRecord(join(temporaryFolder(), "net"), listen);
  writeFileSync(join(dir, "testnet.json"), JSON.stringify(damage(readRecord(dir).record)));
  await codedError(() => readRecord(dir), "BAD_DATA_DIR");
});

test("half a record is not trusted", async () => {
  const dir = createRecord(join(temporaryFolder(), "net"), listen);
  const text = readFileSync(join(dir, "testnet.json"), "utf8");
  writeFileSync(join(dir, "testnet.json"), text.slice(0, text.length / 2));
  await codedError(() => readRecord(dir), "BAD_DATA_DIR");
});
