/**
 * What must hold before lmdb opens a folder. When its native open fails, lmdb 3.5 uses an environment that it has freed,
 * and it maps files that a full disk cannot back: either ends the process without a word. So what can be foreseen is
 * found out here, by calls that throw.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { errnoOf } from "./files.ts";

export const dataFile = "data.mdb";
const lockFile = "lock.mdb";

/** Where the first page holds lmdb's magic number, in the byte order of the machine. */
const magicOffset = 24;
const magic = 0xbeefc0de;
/** More than lmdb writes into a new folder. */
const roomBytes = 64 * 1024;

/** Makes the folder if there is none; throws when lmdb could not open it or would find something else there. */
export function checkLmdbFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const data = headOf(join(folder, dataFile));
  const lock = headOf(join(folder, lockFile));
  if (data.size === 0 || lock.size === 0) proveRoom(join(folder, "room.tmp"));
  if (data.size > 0 && data.magic !== magic)
    throw new Error(`${dataFile} is damaged, or no database`);
}

/** Size 0 when there is no such file; throws when it cannot be written. */
function headOf(path: string): { size: number; magic: number | undefined } {
  let file: number;
  try {
    file = openSync(path, "r+");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return { size: 0, magic: undefined };
    throw error;
  }
  try {
    const word = new Uint32Array(1);
    const bytes = readSync(file, word, 0, word.byteLength, magicOffset);
    return { size: fstatSync(file).size, magic: bytes === word.byteLength ? word[0] : undefined };
  } finally {
    closeSync(file);
  }
}

function proveRoom(path: string): void {
  const file = openSync(path, "w");
  try {
    writeSync(file, new Uint8Array(roomBytes));
    fsyncSync(file);
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}
