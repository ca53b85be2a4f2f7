/** The program's own version, from the package.json above this file, in a checkout as in an installed package. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

function readVersion(): string {
  let folder = import.meta.dirname;
  for (;;) {
    try {
      const text = readFileSync(join(folder, "package.json"), "utf8");
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === "coterie" && version !== undefined) return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    const parent = dirname(folder);
    if (parent === folder) throw new Error("coterie's package.json is missing");
    folder = parent;
  }
}

export const version = readVersion();
