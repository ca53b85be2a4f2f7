/**
 * A backup as bytes, written and read as a stream, so that neither side holds more than one record. The last 32 bytes
 * are the SHA-256 of all before them, in this and in all later versions, so that any reader can tell a newer file from
 * a damaged one. Layout: docs/formats.md, "Backup".
 */
import { createHash } from "node:crypto";
import { decodeRecord, encodeRecord, kindOf, recordHeadBytes } from "./backup-record.ts";
import type { BackupRecord } from "./backup-record.ts";
import { concatBytes, encodeUtf8, equalBytes, Reader, Writer } from "./codec.ts";
import { CoterieError, toCoterieError } from "./errors.ts";
import { hashBytes } from "./ids.ts";
import { limits } from "./limits.ts";

const magic = encodeUtf8("coterie backup\n");
const version = 1;
const headBytes = magic.length + 2;

/** Makes the bytes of a backup, record by record. */
export class BackupWriter {
  readonly #hash = createHash("sha256");
  #isBegun = false;

  /** The bytes of one more record, behind the head if it is the first and before the checksum if it is the last. */
  write(record: BackupRecord): Uint8Array {
    const parts = [encodeRecord(record)];
    if (!this.#isBegun) parts.unshift(new Writer().bytes(magic).u16(version).finish());
    this.#isBegun = true;
    for (const part of parts) this.#hash.update(part);
    if (record.kind === "end") parts.push(this.#hash.digest());
    return concatBytes(...parts);
  }
}

type Awaited = "head" | "record" | "body" | "checksum" | "nothing" | "newer version";

const noBytes = new Uint8Array(0);

/**
 * Takes the bytes of a backup in pieces of any size and gives its records. What they say counts only once `finish` has
 * returned. Both throw `BAD_BACKUP` for what is no backup, cut short or damaged, and `STORE_VERSION` for a newer one.
 */
export class BackupReader {
  readonly #hash = createHash("sha256");
  /** The last 32 bytes so far: the checksum, if none follow. */
  #tail = noBytes;
  #parts: Uint8Array[] = [];
  #held = 0;
  #bytes = 0;
  #version = version;
  #awaits: Awaited = "head";
  #need = headBytes;
  #kind: BackupRecord["kind"] | undefined;
  #hasInfo = false;

  /** Taken so far. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): BackupRecord[] {
    this.#digest(chunk);
    this.#bytes += chunk.length;
    const records: BackupRecord[] = [];
    if (this.#awaits === "newer version") return records;
    this.#parts.push(chunk);
    this.#held += chunk.length;
    while (this.#held > 0 && this.#held >= this.#need) {
      const record = this.#step();
      if (record !== undefined) records.push(record);
    }
    return records;
  }

  /** To be called at the end of the file. Returns the checksum. */
  finish(): Uint8Array {
    const isSound = equalBytes(new Uint8Array(this.#hash.digest()), this.#tail);
    switch (this.#awaits) {
      case "nothing":
        return isSound ? this.#tail : badBackup("it is damaged: its checksum does not match");
      case "newer version":
        if (isSound) throw ofNewerVersion(this.#version);
        return badBackup("it is damaged or cut short");
      default:
        if (this.#awaits === "head" && !beginsAlike(this.#take(this.#held))) notABackup();
        return badBackup(`it is cut short, after ${this.#bytes} bytes`);
    }
  }

  #step(): BackupRecord | undefined {
    if (this.#awaits === "body") return this.#readBody(this.#take(this.#need));
    if (this.#awaits === "head") this.#readHead(this.#take(headBytes));
    else if (this.#awaits === "record") this.#readRecordHead(this.#take(recordHeadBytes));
    else if (this.#awaits === "checksum") this.#skipChecksum();
    else if (this.#awaits === "nothing") badBackup("it is damaged: it goes on after its end");
    else this.#take(this.#held);
    return undefined;
  }

  #readHead(head: Uint8Array): void {
    if (!beginsAlike(head)) notABackup();
    this.#version = new Reader(head.subarray(magic.length)).u16();
    if (this.#version === version) this.#await("record", recordHeadBytes);
    else this.#await("newer version", 0);
  }

  #readRecordHead(bytes: Uint8Array): void {
    const head = new Reader(bytes);
    this.#kind = kindOf(head.u8());
    const length = head.u32();
    if (this.#kind === undefined || length > limits.backupRecordBytesMax) {
      badBackup(`it is damaged: before byte ${this.#at} should be the head of a record`);
    }
    if (this.#hasInfo === (this.#kind === "info")) {
      badBackup("it is damaged: it does not say once, and first, whose it is");
    }
    this.#await("body", length);
  }

  #readBody(body: Uint8Array): BackupRecord {
    try {
      const record = decodeRecord(this.#kind!, body);
      this.#hasInfo = true;
      if (record.kind === "end") this.#await("checksum", hashBytes);
      else this.#await("record", recordHeadBytes);
      return record;
    } catch (error) {
      const { message } = toCoterieError(error);
      return badBackup(`it is damaged: in the record before byte ${this.#at}: ${message}`);
    }
  }

  /** It is in the tail, too. */
  #skipChecksum(): void {
    this.#take(hashBytes);
    this.#await("nothing", 0);
  }

  #await(what: Awaited, bytes: number): void {
    this.#awaits = what;
    this.#need = bytes;
  }

  /** Where the next byte to be read lies. */
  get #at(): number {
    return this.#bytes - this.#held;
  }

  #digest(chunk: Uint8Array): void {
    if (chunk.length < hashBytes) {
      const all = concatBytes(this.#tail, chunk);
      const cut = Math.max(0, all.length - hashBytes);
      this.#hash.update(all.subarray(0, cut));
      this.#tail = all.slice(cut);
    } else {
      this.#hash.update(this.#tail).update(chunk.subarray(0, -hashBytes));
      this.#tail = Uint8Array.from(chunk.subarray(-hashBytes));
    }
  }

  #take(length: number): Uint8Array {
    const [first = noBytes] = this.#parts;
    if (first.length < length) this.#parts = [concatBytes(...this.#parts)];
    const [all = noBytes] = this.#parts;
    if (all.length === length) this.#parts.shift();
    else this.#parts[0] = all.subarray(length);
    this.#held -= length;
    return all.subarray(0, length);
  }
}

function badBackup(reason: string): never {
  throw new CoterieError("BAD_BACKUP", reason);
}

function notABackup(): never {
  return badBackup("it is not a backup of Coterie");
}

function ofNewerVersion(found: number): CoterieError {
  const message = `it is of version ${found}, this Coterie reads version ${version}`;
  return new CoterieError("STORE_VERSION", message, { hint: "use the newer version of coterie" });
}

/** True for the beginning of a backup, however short. */
function beginsAlike(bytes: Uint8Array): boolean {
  const length = Math.min(bytes.length, magic.length);
  return length > 0 && equalBytes(bytes.subarray(0, length), magic.subarray(0, length));
}
