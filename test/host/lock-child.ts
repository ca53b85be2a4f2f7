/** Says "ready", waits for "go", tries the lock of a data directory, says how it went; releases it on "release". */
import { createInterface } from "node:readline";
import { toCoterieError } from "../../src/core/errors.ts";
import { acquireLock, type DataDirLock } from "../../src/host/lock.ts";

const root = process.argv[2] ?? "";
let lock: DataDirLock | undefined;
console.log("ready");
for await (const line of createInterface(process.stdin)) {
  if (line === "go") {
    try {
      lock = await acquireLock(root);
      console.log("held");
    } catch (error) {
      const { code, message } = toCoterieError(error);
      console.log(`${code} ${message}`);
    }
  }
  if (line === "release") {
    lock?.release();
    console.log("released");
  }
}
