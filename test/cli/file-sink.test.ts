import { closeSync, openSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openFileSink } from "../../src/cli/file-sink.ts";
import { temporaryFolder } from "./cli.ts";

test("a file that was there stays until the new one is whole", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "backup.jsonl");
  writeFileSync(path, "old");
  const broken = await openFileSink(path);
  await broken.write(Buffer.from("ne"));
  expect(readFileSync(path, "utf8")).toBe("old");
  await broken.abandon();
  expect([readdirSync(folder.path), readFileSync(path, "utf8")]).toEqual([["backup.jsonl"], "old"]);

  const whole = await openFileSink(path);
  await whole.write(Buffer.from("ne"));
  await whole.write(Buffer.from("w"));
  await whole.finish();
  expect([readdirSync(folder.path), readFileSync(path, "utf8")]).toEqual([["backup.jsonl"], "new"]);
});

test("what a killed one left is not written into, so a private file is nobody else's at any time", async () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "secret");
  const left = `${path}.${process.pid}.partial`;
  writeFileSync(left, "", { mode: 0o644 });
  const reader = openSync(left, "r");
  const sink = await openFileSink(path, 0o600);
  await sink.write(Buffer.from("secret"));
  expect([statSync(left).mode & 0o777, readFileSync(reader, "utf8")]).toEqual([0o600, ""]);
  closeSync(reader);
  await sink.finish();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a device is written in place", async () => {
  const sink = await openFileSink("/dev/null");
  await sink.write(Buffer.from("x"));
  await sink.finish();
  const full = openFileSink("/dev/full").then((opened) => opened.write(Buffer.from("x")));
  if (process.platform === "linux")
    await expect(full).rejects.toMatchObject({ code: "STORE_FULL" });
  else await full.catch(() => undefined);
});
