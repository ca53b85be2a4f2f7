/** The package as a user gets it: packed, installed into an empty folder without what only developers need, and run. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { root } from "./daemon/daemon-process.ts";

const run = promisify(execFile);
const commandMs = 90_000;
const noRegistry = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED/;

type Packed = { readonly filename: string; readonly files: readonly { readonly path: string }[] };
type Failure = Error & { readonly stdout?: string; readonly stderr?: string };

/** The runtime of this test first, as npm does it for scripts; nothing else of the checkout. */
const env = {
  ...process.env,
  PATH: [dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter),
  NODE_OPTIONS: "",
};

async function pack(into: string): Promise<Packed> {
  const words = ["pack", "--ignore-scripts", "--json", "--pack-destination", into];
  const { stdout } = await run("npm", words, { cwd: root, env, timeout: commandMs });
  const [packed] = JSON.parse(stdout) as Packed[];
  if (packed === undefined) throw new Error("npm packed nothing");
  return packed;
}

/** False when the registry cannot be reached. */
async function install(tarball: string, folder: string): Promise<boolean> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"private": true}');
  const calm = ["--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0"];
  try {
    await run("npm", ["install", ...calm, tarball], { cwd: folder, env, timeout: commandMs });
    return true;
  } catch (error) {
    const { message, stderr = "" } = error as Failure;
    if (noRegistry.test(`${message} ${stderr}`)) return false;
    throw error;
  }
}

const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
let packed: Packed;

beforeAll(async () => {
  packed = await pack(folder);
}, commandMs);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("the tarball holds the program, its texts and licences, and nothing of this machine", async () => {
  const paths = packed.files.map(({ path }) => path);
  const needed = ["bin/coterie.js", "dist/src/index.js", "dist/src/index.d.ts", "package.json"];
  const texts = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"];
  expect(paths).toEqual(expect.arrayContaining([...needed, ...texts, "dist/testnet/main.js"]));
  const ours = /^(?:src|test|scripts|node_modules)\/|\.map$|\.test\.|\bfixture\b/;
  expect(paths.filter((path) => ours.test(path))).toEqual([]);

  await run("tar", ["-xzf", packed.filename], { cwd: folder, timeout: commandMs });
  const telling = paths.filter((path) => {
    const text = readFileSync(join(folder, "package", path), "utf8");
    return text.includes(`${root}/`) || text.includes("sourceMappingURL");
  });
  expect(telling).toEqual([]);
});

test("installed into an empty folder, it runs without what only developers need", async (context) => {
  const home = join(folder, "empty");
  if (!(await install(join(folder, packed.filename), home))) {
    console.log("skipped: the npm registry cannot be reached");
    context.skip("the npm registry cannot be reached");
  }
  for (const tool of ["typescript", "vitest", "oxlint", "fast-check", "node"]) {
    expect(existsSync(join(home, "node_modules", tool)), tool).toBe(false);
  }
  const dataDir = join(folder, "data");
  const coterie = async (...words: string[]): Promise<string> => {
    const env24 = { ...env, COTERIE_DATA_DIR: dataDir };
    const options = { cwd: home, env: env24, timeout: commandMs };
    return (await run("npx", ["--offline", "coterie", ...words], options)).stdout;
  };
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    version: string;
  };
  expect(await coterie("version")).toContain(version);

  let pid: number | undefined;
  onTestFinished(() => {
    if (pid !== undefined) process.kill(pid, "SIGKILL");
  });
  const listen = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
  const ready = JSON.parse(await coterie("up", "--detach", "--json", ...listen)) as { pid: number };
  pid = ready.pid;
  const status = JSON.parse(await coterie("status", "--json")) as { version: string };
  expect(status.version).toBe(version);
  await coterie("kv", "put", "hello", "world");
  expect(await coterie("kv", "get", "hello")).toBe("world\n");
  await coterie("down");
  pid = undefined;

  const script =
    'const { createClient } = await import("coterie"); console.log(typeof createClient);';
  const words = ["--input-type=module", "-e", script];
  const { stdout } = await run(process.execPath, words, { cwd: home, timeout: commandMs });
  expect(stdout).toBe("function\n");
}, 150_000);
