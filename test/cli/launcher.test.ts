import { spawn } from "node:child_process";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { once } from "node:events";
import { expect, test } from "vitest";
import { outcomeOf, root, temporaryFolder } from "./cli.ts";

/** Makes Node 20 of whatever runs it. */
const old =
  "data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.19.2'}})";

function checkout(folder: string, main: string | undefined): void {
  mkdirSync(join(folder, "bin"));
  cpSync(join(root, "bin/coterie.js"), join(folder, "bin/coterie.js"));
  writeFileSync(
    join(folder, "package.json"),
    '{"name":"coterie","version":"9.8.7","type":"module"}',
  );
  if (main === undefined) return;
  mkdirSync(join(folder, "dist/src/cli"), { recursive: true });
  writeFileSync(join(folder, "dist/src/cli/main.js"), main);
}

function pin(folder: string): void {
  mkdirSync(join(folder, "node_modules/node/bin"), { recursive: true });
  symlinkSync(process.execPath, join(folder, "node_modules/node/bin/node"));
}

function launch(folder: string, flags: readonly string[], words: readonly string[] = []) {
  return spawn(process.execPath, [...flags, join(folder, "bin/coterie.js"), ...words], {
    env: { PATH: process.env["PATH"] },
  });
}

const echo = `export async function main(words, loaders) {
  console.log(JSON.stringify([process.versions.node.split(".")[0], loaders.version(), ...words]));
  return 5;
}`;

test("the launcher passes words and exit code, and knows its version", async () => {
  using folder = temporaryFolder();
  checkout(folder.path, echo);
  const { code, out } = await outcomeOf(launch(folder.path, [], ["kv", "get", "a b"]));
  expect(code).toBe(5);
  expect(JSON.parse(out).slice(1)).toEqual(["9.8.7", "kv", "get", "a b"]);
});

test("an unbuilt checkout says how to build it", async () => {
  using folder = temporaryFolder();
  checkout(folder.path, undefined);
  expect(await outcomeOf(launch(folder.path, []))).toMatchObject({
    code: 1,
    err: "coterie: it is not built; run: npm run build\n",
  });
});

test("an old Node without a pinned one says which is needed", async () => {
  using folder = temporaryFolder();
  checkout(folder.path, echo);
  expect(await outcomeOf(launch(folder.path, ["--import", old]))).toMatchObject({
    code: 1,
    out: "",
    err: "coterie: Node 22.19 or newer is needed; this is 20.19.2\n",
  });
});

test("an old Node hands over to the pinned one", async () => {
  using folder = temporaryFolder();
  checkout(folder.path, echo);
  pin(folder.path);
  const { code, out } = await outcomeOf(launch(folder.path, ["--import", old], ["status"]));
  expect(code).toBe(5);
  expect(JSON.parse(out)).toEqual([process.versions.node.split(".")[0], "9.8.7", "status"]);
});

test("signals reach the one who works, and its end is the launcher's", async () => {
  using folder = temporaryFolder();
  checkout(
    folder.path,
    `export function main([how]) {
       if (how === "mind") process.on("SIGTERM", () => process.exit(7));
       console.log("ready");
       return new Promise((resolve) => setTimeout(resolve, 20_000));
     }`,
  );
  pin(folder.path);
  for (const [how, end] of [
    ["mind", { code: 7, signal: null }],
    ["die", { code: null, signal: "SIGTERM" }],
  ] as const) {
    const child = launch(folder.path, ["--import", old], [how]);
    const outcome = outcomeOf(child);
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await outcome).toMatchObject(end);
  }
});
