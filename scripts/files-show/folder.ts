/** A folder of many small real files, from one daemon to another. */
import { copyFileSync, mkdirSync, opendirSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../../test/daemon/daemon-process.ts";
import { launchPair } from "../../test/daemon/pair.ts";
import { hashesOf, resultOf } from "../../test/daemon/shared-files.ts";
import { rounded, type Measure } from "../show/measure.ts";

const smallBytesMax = 256 * 1024;
const MiB = 1024 * 1024;

export async function measureFolder(folder: string, files: number): Promise<Measure[]> {
  const source = join(folder, "source");
  const { count, bytes } = gather(join(root, "node_modules"), source, files);
  const { one, other } = await launchPair(folder);
  try {
    const wish = { path: source, name: "folder", copiesMin: 1, copiesMax: 1 };
    const beganMs = performance.now();
    const { root: cid } = await resultOf(one.client.shareAdd(wish));
    const addedMs = performance.now();
    const target = join(folder, "target");
    await resultOf(other.client.fileGet(cid, target));
    const gotMs = performance.now();
    const [before, after] = [hashesOf(source), hashesOf(target)];
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    const different = [...names].filter((name) => before[name] !== after[name]).length;
    return [
      {
        what: `a folder of ${count} small files: how many are not byte-equal on another node`,
        wanted: 0,
        value: different + (files - count),
        unit: "files",
        details: {
          MiB: Math.round(bytes / MiB),
          addMs: rounded(addedMs - beganMs),
          addedPerSecond: Math.round((1_000 * count) / (addedMs - beganMs)),
          getMs: rounded(gotMs - addedMs),
          gotPerSecond: Math.round((1_000 * count) / (gotMs - addedMs)),
        },
      },
    ];
  } finally {
    await Promise.all([one.kill(), other.kill()]);
    rmSync(source, { recursive: true, force: true });
  }
}

/** Copies small files with the folders they are in, the first that are met. */
function gather(from: string, to: string, max: number): { count: number; bytes: number } {
  let [count, bytes] = [0, 0];
  const walk = (inner: string): void => {
    using folder = opendirSync(join(from, inner));
    for (let entry = folder.readSync(); entry !== null && count < max; entry = folder.readSync()) {
      const path = join(inner, entry.name);
      if (entry.isDirectory()) walk(path);
      if (!entry.isFile()) continue;
      const { size } = statSync(join(from, path));
      if (size > smallBytesMax) continue;
      mkdirSync(dirname(join(to, path)), { recursive: true });
      copyFileSync(join(from, path), join(to, path));
      count++;
      bytes += size;
    }
  };
  walk("");
  return { count, bytes };
}
