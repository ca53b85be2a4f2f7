import { cpSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { storeOrigin } from "../../src/host/store-origin.ts";
import { temporaryFolder } from "../temporary-folder.ts";

test("a copy of a data directory has another origin, the original keeps its own", () => {
  const folder = temporaryFolder();
  const root = join(folder, "node");
  mkdirSync(root);
  const origin = storeOrigin(root);
  const copy = join(folder, "copy");
  cpSync(root, copy, { recursive: true, preserveTimestamps: true });
  expect(storeOrigin(copy)).not.toEqual(origin);
  expect(storeOrigin(root)).toEqual(origin);
});

test("a store that was made anew has another origin", () => {
  const root = temporaryFolder();
  const origin = storeOrigin(root);
  rmSync(join(root, "store"), { recursive: true });
  mkdirSync(join(root, "keeps-the-inode-from-being-reused"));
  expect(storeOrigin(root)).not.toEqual(origin);
});

test("an origin has the store's inode and not the machine's id itself", () => {
  const root = temporaryFolder();
  const origin = storeOrigin(root);
  expect(origin.machineId).toMatch(/^[0-9a-f]{64}$/);
  expect(origin.ino).toBe(String(statSync(join(root, "store"), { bigint: true }).ino));
  expect(statSync(join(root, "store")).mode & 0o777).toBe(0o700);
});

test("an older data file put in the place of the store's gives another origin, writing to it does not", async () => {
  const root = temporaryFolder();
  const folder = join(root, "store");
  const store = openLmdbStore(folder);
  const origin = storeOrigin(root);
  store.transaction((tx) => tx.put(Uint8Array.of(8, 1), Uint8Array.of(1)));
  await store.close();
  expect(storeOrigin(root)).toEqual(origin);
  const file = join(folder, "data.mdb");
  cpSync(file, join(root, "copy"), { preserveTimestamps: true });
  rmSync(file);
  cpSync(join(root, "copy"), file, { preserveTimestamps: true });
  expect(storeOrigin(root)).not.toEqual(origin);
});
