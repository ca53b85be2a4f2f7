import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import { systemClock } from "../../src/host/clock.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { AddressBook } from "../../src/host/net/address-book.ts";
import { AddressFile, parseBook } from "../../src/host/net/address-file.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { silentLog, testIdentity } from "./fixture.ts";

const peers = Array.from({ length: 3 }, () => testIdentity().peer);
const [ann, bob, cy] = peers as [string, string, string];

function openFile(path: string) {
  const metrics = createMetrics();
  const opening = AddressFile.open({ path, clock: systemClock, log: silentLog, metrics });
  return opening.then((file) => ({ file, book: file.book, metrics }));
}

test("the book is kept on disk, private, and read back", async () => {
  const path = join(temporaryFolder(), "addresses.json");
  const first = await openFile(path);
  first.book.succeeded(ann, "/ip4/10.0.0.1/tcp/4001", 1_000);
  first.book.succeeded(bob, "/ip6/fd00::1/tcp/4001", 2_000);
  first.book.succeeded(ann, "/ip4/10.0.0.2/tcp/4001", 3_000);
  await first.file.close();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const { book } = await openFile(path);
  expect(book.peers()).toEqual([ann, bob]);
  expect(book.addressesOf(ann)).toEqual(["/ip4/10.0.0.2/tcp/4001", "/ip4/10.0.0.1/tcp/4001"]);
  expect(book.has(bob, "/ip6/fd00::1/tcp/4001")).toBe(true);
});

test("the book is bounded: old addresses of a peer and long unheard peers go first", () => {
  const book = new AddressBook([], () => {});
  for (let index = 0; index < 20; index++) book.succeeded(ann, `/ip4/10.0.0.${index}/tcp/1`, index);
  expect(book.addressesOf(ann)).toHaveLength(limits.addressesPerPeerMax);
  expect(book.addressesOf(ann)[0]).toBe("/ip4/10.0.0.19/tcp/1");
  for (let index = 0; index < limits.addressBookPeersMax; index++) {
    book.succeeded(`peer ${index}`, "/ip4/10.0.0.1/tcp/1", index);
  }
  expect(book.peers()).toHaveLength(limits.addressBookPeersMax);
  expect(book.addressesOf(ann)).toEqual([]);
});

test.each([
  ["half a file", '{"version":1,"peers":[{"peer":"12D3'],
  ["another version", '{"version":2,"peers":[]}'],
  ["no peer id", '{"version":1,"peers":[{"peer":"me","addresses":[]}]}'],
  [
    "a relay",
    `{"version":1,"peers":[{"peer":"${cy}","addresses":[{"address":"/ip4/1.2.3.4/tcp/1/p2p-circuit","lastSuccessAt":1}]}]}`,
  ],
  ["nothing", ""],
])("a damaged file (%s) is moved aside and the book starts empty", async (_name, content) => {
  const folder = temporaryFolder();
  const path = join(folder, "addresses.json");
  await writeFile(path, content);
  const { file, book, metrics } = await openFile(path);
  expect(book.peers()).toEqual([]);
  expect(metrics.read()).toEqual({ "net.book_damaged": 1 });
  expect(await readFile(`${path}.damaged`, "utf8")).toBe(content);
  book.succeeded(ann, "/ip4/10.0.0.1/tcp/4001", 1);
  await file.close();
  expect((await readdir(folder)).toSorted()).toEqual(["addresses.json", "addresses.json.damaged"]);
});

test("a disk that refuses costs the changes, not the node", async () => {
  const path = join(temporaryFolder(), "gone", "addresses.json");
  const { file, book, metrics } = await openFile(path);
  book.succeeded(ann, "/ip4/10.0.0.1/tcp/4001", 1);
  await file.close();
  expect(metrics.read()).toEqual({ "net.book_write_failed": 1 });
  await mkdir(join(path, ".."));
  book.succeeded(bob, "/ip4/10.0.0.1/tcp/4001", 2);
  await file.close();
  expect((await openFile(path)).book.peers()).toEqual([bob, ann]);
});

test("arbitrary text is a book or BAD_FORMAT", () => {
  const text = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((list) => JSON.stringify({ version: 1, peers: list })),
  );
  fc.assert(
    fc.property(text, (content) => {
      try {
        parseBook(content);
      } catch (error) {
        expect(error).toBeInstanceOf(CoterieError);
        expect(error).toHaveProperty("code", "BAD_FORMAT");
      }
    }),
  );
});
