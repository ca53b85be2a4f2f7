/** Rewrites a file for ever with one of two contents; to be killed. */
import { writeFileAtomic } from "../../src/host/files.ts";

const path = process.argv[2] ?? "";
await writeFileAtomic(path, "a".repeat(300_000));
console.log("written");
for (;;) {
  await writeFileAtomic(path, "b".repeat(300_000));
  console.log("written");
  await writeFileAtomic(path, "a".repeat(300_000));
  console.log("written");
}
