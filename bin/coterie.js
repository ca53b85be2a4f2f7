#!/usr/bin/env node
// Written for old Nodes too, since it is what tells their users which one is needed.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [major, minor] = process.versions.node.split(".").map(Number);

if (major > 22 || (major === 22 && minor >= 19)) await start();
else await startUnderPinnedNode();

async function start() {
  if (!existsSync(here("../dist/src/cli/main.js"))) fail("it is not built; run: npm run build");
  const { main } = await import("../dist/src/cli/main.js");
  const code = await main(process.argv.slice(2), {
    version: () => JSON.parse(readFileSync(here("../package.json"), "utf8")).version,
    dataDir: () => import("../dist/src/host/data-dir.js"),
    daemon: () => import("../dist/src/node.js"),
    offline: () => import("../dist/src/offline.js"),
    backup: () => import("../dist/src/backup/backup.js"),
    testnet: () => import("../dist/testnet/main.js"),
  });
  process.exit(code);
}

async function startUnderPinnedNode() {
  const node = here("../node_modules/node/bin/node");
  if (!existsSync(node)) fail(`Node 22.19 or newer is needed; this is ${process.versions.node}`);
  const { spawn } = await import("node:child_process");
  const child = spawn(node, [here("./coterie.js"), ...process.argv.slice(2)], { stdio: "inherit" });
  // The terminal sends Ctrl-C and hang-up to the child as well: sent twice, they would force it.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ["SIGINT", "SIGHUP", "SIGTERM"]) {
    process.on(signal, () => {
      if (signal === "SIGTERM" || !onTerminal) child.kill(signal);
    });
  }
  child.on("error", (error) => fail(`cannot start ${node}: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function fail(message) {
  process.stderr.write(`coterie: ${message}\n`);
  process.exit(1);
}
