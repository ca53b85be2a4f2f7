/** Says "ready", and makes a node on "go"; to be killed meanwhile. */
import { createInterface } from "node:readline";
import { initNode } from "../../src/offline.ts";

console.log("ready");
for await (const line of createInterface(process.stdin)) {
  if (line === "go") await initNode({ dataDir: process.argv[2] ?? "" });
}
