import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  createFileAtomic,
  fileError,
  readTextFile,
  removeTemporaries,
  writeFileAtomic,
} from "../../src/host/files.ts";
import { codedError } from "../coded-error.ts";
import { startChild } from "../start-child.ts";
import { temporaryFolder } from "../temporary-folder.ts";

describe("writing a file", () => {
  test("replaces what was there, for our eyes only", async () => {
    const path = join(temporaryFolder(), "a");
    writeFileSync(path, "old", { mode: 0o644 });
    await writeFileAtomic(path, "new");
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("makes a file only where there is none", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "a");
    expect(await createFileAtomic(path, "first")).toBe(true);
    expect(await createFileAtomic(path, "second")).toBe(false);
    expect(readFileSync(path, "utf8")).toBe("first");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  test("shows the old content or the new, to every reader and after a kill at any moment", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "a");
    const whole = /^(?:a{300000}|b{300000})$/;
    for (let round = 0; round < 5; round++) {
      const child = startChild("host/file-writer-child.ts", [path]);
      // it is somewhere else in every round
      for (let lines = 0; lines <= round; lines++) await child.line(() => true);
      for (let reads = 0; reads < 200; reads++) expect(readFileSync(path, "utf8")).toMatch(whole);
      await child.kill();
      expect(readFileSync(path, "utf8")).toMatch(whole);
    }
    await removeTemporaries(folder);
    expect(readdirSync(folder)).toEqual(["a"]);
  });

  test("says where and why it failed", async () => {
    const folder = temporaryFolder();
    const missing = await codedError(
      () => writeFileAtomic(join(folder, "none", "a"), ""),
      "BAD_DATA_DIR",
    );
    expect(missing.message).toMatch(/none\/a: its folder does not exist$/);
    mkdirSync(join(folder, "taken"));
    await codedError(() => writeFileAtomic(join(folder, "taken"), ""), "BAD_DATA_DIR");
    expect(readdirSync(folder)).toEqual(["taken"]);
  });

  test.each([
    ["ENOSPC", "STORE_FULL", "cannot write /x: the disk is full"],
    ["EDQUOT", "STORE_FULL", "cannot write /x: the disk quota is used up"],
    ["EROFS", "STORE_READ_ONLY", "cannot write /x: the file system is read-only"],
    ["EACCES", "BAD_DATA_DIR", "cannot write /x: permission denied"],
  ])("%s is %s", (errno, code, message) => {
    const cause = Object.assign(new Error("low-level text"), { code: errno });
    expect(fileError("write", "/x", cause)).toMatchObject({ code, message });
  });
});

describe("reading a file", () => {
  const options = { code: "BAD_IDENTITY", secret: true } as const;

  test("tells a missing one from an empty one", async () => {
    const path = join(temporaryFolder(), "a");
    expect(await readTextFile(path, options)).toBeUndefined();
    writeFileSync(path, "", { mode: 0o600 });
    expect(await readTextFile(path, options)).toBe("");
  });

  test("refuses a secret that others may read, and says which command mends it", async () => {
    const path = join(temporaryFolder(), "a");
    writeFileSync(path, "x");
    for (const mode of [0o640, 0o604, 0o660]) {
      chmodSync(path, mode);
      const error = await codedError(() => readTextFile(path, options), "BAD_IDENTITY");
      expect(error.hint).toBe(`run: chmod 600 ${path}`);
    }
    expect(await readTextFile(path, { code: "BAD_CONFIG" })).toBe("x");
  });

  test("refuses what is no text file, without waiting for it", async () => {
    const folder = temporaryFolder();
    const place = (name: string): string => join(folder, name);
    mkdirSync(place("folder"), { mode: 0o700 });
    execFileSync("mkfifo", ["-m", "600", place("pipe")]);
    writeFileSync(place("bytes"), Uint8Array.of(0xff, 0xfe), { mode: 0o600 });
    writeFileSync(place("book"), new Uint8Array(9 * 1024 * 1024), { mode: 0o600 });
    const reason = async (name: string): Promise<string> =>
      (await codedError(() => readTextFile(place(name), options), "BAD_IDENTITY")).message;
    expect(await reason("folder")).toBe(`${place("folder")}: is not a file`);
    expect(await reason("pipe")).toBe(`${place("pipe")}: is not a file`);
    expect(await reason("bytes")).toBe(`${place("bytes")}: not well-formed UTF-8`);
    expect(await reason("book")).toBe(`${place("book")}: is too large`);
  });
});
