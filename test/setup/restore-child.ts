/** Restores a backup, and says how far it has read; to be killed meanwhile. */
import { restoreBackup } from "../../src/backup/backup.ts";

const [file = "", dataDir = ""] = process.argv.slice(2);
let last = 0;
let pass = 1;
await restoreBackup({
  file,
  dataDir,
  onProgress: ({ bytes }) => {
    if (bytes < last) pass = 2;
    last = bytes;
    console.log(`${pass} ${bytes}`);
  },
});
console.log("done");
