import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Store } from "../../src/core/ports.ts";
import { openLmdbStore } from "../../src/host/lmdb-store.ts";
import { codedError } from "../coded-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { describeStore } from "./store-contract.ts";

const folders = new WeakMap<Store, string>();

function openIn(folder: string): Store {
  const store = openLmdbStore(folder);
  folders.set(store, folder);
  return store;
}

describeStore("over lmdb", {
  open: () => openIn(temporaryFolder()),
  reopen: async (store) => {
    await store.close();
    return openIn(folders.get(store)!);
  },
});

test("a store that cannot be opened is a coded error", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "store"), "not a folder");
  await codedError(() => openLmdbStore(join(folder, "store")), "STORE_FAILED");
  writeFileSync(join(folder, "data.mdb"), "not a database ".repeat(1_000));
  await codedError(() => openLmdbStore(folder), "STORE_FAILED");
});

test.skipIf(process.getuid?.() === 0)("one that may not be written says so", async () => {
  const folder = temporaryFolder();
  chmodSync(folder, 0o500);
  const error = await codedError(() => openLmdbStore(folder), "STORE_READ_ONLY");
  expect(error.hint).toContain("writable");
});

test("a closed store refuses by a code", async () => {
  const store = openLmdbStore(temporaryFolder());
  await store.close();
  await codedError(() => store.transaction(() => 1), "STORE_FAILED");
});
