import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  controlSocketPath,
  prepareControlSocket,
  prepareDataDir,
  removeControlSocket,
  resolveDataDir,
} from "../../src/host/data-dir.ts";
import { codedError } from "../coded-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const isRoot = process.getuid?.() === 0;

describe("the data directory", () => {
  const usual = join(homedir(), ".local/share/coterie");
  test.each([
    ["the flag", "/a", { COTERIE_DATA_DIR: "/b", XDG_DATA_HOME: "/c" }, "/a"],
    ["the variable", undefined, { COTERIE_DATA_DIR: "/b", XDG_DATA_HOME: "/c" }, "/b"],
    ["XDG_DATA_HOME", undefined, { COTERIE_DATA_DIR: "", XDG_DATA_HOME: "/c" }, "/c/coterie"],
    ["the default over a relative XDG path", undefined, { XDG_DATA_HOME: "c" }, usual],
    ["the default", undefined, {}, usual],
  ])("is chosen by %s", (_what, flag, env, expected) => {
    expect(resolveDataDir(flag, env)).toBe(expected);
  });

  test("is absolute, wherever it was named from", () => {
    expect(resolveDataDir("node", {})).toBe(join(process.cwd(), "node"));
  });

  test("is made private, with its parents, and an empty one is made private too", () => {
    const folder = temporaryFolder();
    const root = join(folder, "a", "b");
    prepareDataDir(root);
    expect(statSync(root).mode & 0o777).toBe(0o700);
    expect(statSync(dirname(root)).mode & 0o777).toBe(0o700);
    chmodSync(root, 0o755);
    prepareDataDir(root);
    expect(statSync(root).mode & 0o777).toBe(0o700);
  });

  test("is refused and left alone when it holds things and others may enter it", async () => {
    const root = temporaryFolder();
    writeFileSync(join(root, "a"), "");
    chmodSync(root, 0o750);
    const error = await codedError(() => prepareDataDir(root), "BAD_DATA_DIR");
    expect(error.hint).toContain(`chmod 700 ${root}`);
    expect(statSync(root).mode & 0o777).toBe(0o750);
  });

  test("is refused when it is a file", async () => {
    const root = join(temporaryFolder(), "a");
    writeFileSync(root, "");
    await codedError(() => prepareDataDir(root), "BAD_DATA_DIR");
  });

  test.runIf(isRoot)("is refused when it is another user's", async () => {
    const root = temporaryFolder();
    chownSync(root, 12_345, 12_345);
    const error = await codedError(() => prepareDataDir(root), "BAD_DATA_DIR");
    expect(error.message).toContain("another user");
  });
});

describe("the control socket", () => {
  /** A data directory whose path is too long for a socket. */
  function longRoot(): string {
    const root = join(temporaryFolder(), "x".repeat(60), "y".repeat(60));
    mkdirSync(root, { recursive: true });
    onTestFinished(() => removeControlSocket(root));
    return root;
  }

  test("lies in the data directory, by one path for all spellings of it", () => {
    const root = temporaryFolder();
    expect(controlSocketPath(root)).toBe(join(root, "control.sock"));
    expect(prepareControlSocket(root)).toBe(join(root, "control.sock"));
    const link = join(temporaryFolder(), "link");
    symlinkSync(root, link);
    expect(controlSocketPath(link)).toBe(join(root, "control.sock"));
  });

  test("moves to a short private folder where the path is too long, and can be listened on", async () => {
    const root = longRoot();
    const socket = prepareControlSocket(root);
    expect(Buffer.byteLength(socket)).toBeLessThanOrEqual(100);
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
    expect(readFileSync(join(root, "control.sock.path"), "utf8")).toBe(`${socket}\n`);
    expect(controlSocketPath(root)).toBe(socket);
    const server = createServer().listen(socket);
    await once(server, "listening");
    server.close();
    await once(server, "close");
  });

  test("has the same place after a restart, and another when the folder is gone", async () => {
    const root = longRoot();
    const socket = prepareControlSocket(root);
    expect(prepareControlSocket(root)).toBe(socket);
    rmSync(dirname(socket), { recursive: true });
    await codedError(() => controlSocketPath(root), "NOT_RUNNING");
    const other = prepareControlSocket(root);
    expect(other).not.toBe(socket);
    expect(controlSocketPath(root)).toBe(other);
  });

  test("is nowhere before the daemon has said where", async () => {
    await codedError(() => controlSocketPath(longRoot()), "NOT_RUNNING");
  });

  test("is not looked for in a folder that others may enter or have put there", async () => {
    const root = longRoot();
    const folder = dirname(prepareControlSocket(root));
    chmodSync(folder, 0o711);
    await codedError(() => controlSocketPath(root), "BAD_DATA_DIR");
    chmodSync(folder, 0o700);
    const moved = join(temporaryFolder(), "moved");
    renameSync(folder, moved);
    symlinkSync(moved, folder);
    onTestFinished(() => rmSync(folder));
    await codedError(() => controlSocketPath(root), "BAD_DATA_DIR");
  });

  test("leaves nothing behind when it is removed", () => {
    const root = longRoot();
    const socket = prepareControlSocket(root);
    writeFileSync(socket, "");
    removeControlSocket(root);
    expect(existsSync(dirname(socket))).toBe(false);
    expect(existsSync(join(root, "control.sock.path"))).toBe(false);
    removeControlSocket(root);
  });

  test("is never followed, nor removed, to a place that cannot be one of ours", async () => {
    const root = longRoot();
    const precious = join(temporaryFolder(), "precious");
    mkdirSync(precious, { mode: 0o700 });
    writeFileSync(join(root, "control.sock.path"), `${precious}/control.sock\n`);
    await codedError(() => controlSocketPath(root), "NOT_RUNNING");
    removeControlSocket(root);
    expect(existsSync(precious)).toBe(true);
  });
});
