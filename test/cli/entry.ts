/** The twin of bin/coterie.js on the TypeScript sources, which Node 24 runs as they are. */
import { readFileSync } from "node:fs";
import { main } from "../../src/cli/main.ts";

const code = await main(process.argv.slice(2), {
  version: () =>
    (
      JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
        version: string;
      }
    ).version,
  dataDir: () => import("../../src/host/data-dir.ts"),
  daemon: () => import("./fake-rooms.ts"),
  offline: () => import("./fake-rooms.ts"),
  backup: () => import("../../src/backup/backup.ts"),
  testnet: () => import("./fake-rooms.ts"),
});
process.exit(code);
