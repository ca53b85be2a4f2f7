/**
 * The address book on disk: `{"version":1,"peers":[{"peer":...,"addresses":[{"address":...,"lastSuccessAt":ms}]}]}`,
 * whole or absent, private. A damaged file is moved aside and the node starts with an empty book; a disk that refuses
 * costs the changes since the last write, nothing else.
 */
import { rename, stat } from "node:fs/promises";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { isPeerName } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Log, Metrics } from "../../core/ports.ts";
import { readTextFile, writeFileAtomic } from "../files.ts";
import { bareAddress, parseAddress } from "./addresses.ts";
import { AddressBook, type BookAddress, type BookPeer } from "./address-book.ts";

/** Changes wait this long for others, so that a busy start is one write. */
const writeDelayMs = 1_000;

export type AddressFileParts = {
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

export class AddressFile {
  readonly book: AddressBook;
  readonly #parts: AddressFileParts;
  #cancelWrite: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  static async open(parts: AddressFileParts): Promise<AddressFile> {
    return new AddressFile(parts, await load(parts));
  }

  private constructor(parts: AddressFileParts, peers: readonly BookPeer[]) {
    this.#parts = parts;
    this.book = new AddressBook(peers, () => this.#writeSoon());
  }

  /** Writes what is not yet written. */
  async close(): Promise<void> {
    if (this.#cancelWrite !== undefined) this.#write();
    await this.#writing;
  }

  #writeSoon(): void {
    this.#cancelWrite ??= this.#parts.clock.after(writeDelayMs, () => this.#write());
  }

  #write(): void {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    const content = JSON.stringify({ version: 1, peers: this.book.entries() });
    this.#writing = this.#writing
      .then(() => writeFileAtomic(this.#parts.path, content))
      .catch((error: unknown) => {
        this.#parts.metrics.count("net.book_write_failed");
        this.#parts.log.warn("cannot write the address book", {
          reason: toCoterieError(error).message,
        });
      });
  }
}

async function load(parts: AddressFileParts): Promise<BookPeer[]> {
  try {
    const size = await sizeOf(parts.path);
    if (size > limits.addressBookFileBytesMax) throw damaged("it is too large");
    const text = await readTextFile(parts.path, { code: "BAD_FORMAT" });
    return text === undefined ? [] : parseBook(text);
  } catch (error) {
    await moveAside(parts, toCoterieError(error).message);
    return [];
  }
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined); // readTextFile says what is wrong
  return found?.size ?? 0;
}

async function moveAside(parts: AddressFileParts, reason: string): Promise<void> {
  const aside = `${parts.path}.damaged`;
  parts.metrics.count("net.book_damaged");
  parts.log.warn("the address book is damaged and starts empty", { reason, movedTo: aside });
  await rename(parts.path, aside).catch((error: unknown) => {
    parts.log.warn("cannot move the damaged address book", {
      reason: toCoterieError(error).message,
    });
  });
}

/** Throws `BAD_FORMAT` for anything that `AddressFile` did not write. */
export function parseBook(text: string): BookPeer[] {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw damaged("it is not JSON");
  }
  if (!isRecord(content) || content["version"] !== 1) throw damaged("its version is unknown");
  return listIn(content["peers"], limits.addressBookPeersMax, parsePeer);
}

function parsePeer(item: unknown): BookPeer {
  if (!isRecord(item) || typeof item["peer"] !== "string" || !isPeerName(item["peer"])) {
    throw damaged("a peer's id is wrong");
  }
  const addresses = listIn(item["addresses"], limits.addressesPerPeerMax, parseBookAddress);
  return { peer: item["peer"], addresses };
}

function parseBookAddress(item: unknown): BookAddress {
  if (!isRecord(item)) throw damaged("an address is wrong");
  const { address, lastSuccessAt } = item;
  if (typeof address !== "string") throw damaged("an address is wrong");
  const parsed = parseAddress(address);
  if (parsed === undefined || bareAddress(parsed) !== address) throw damaged("an address is wrong");
  if (typeof lastSuccessAt !== "number" || !Number.isFinite(lastSuccessAt)) {
    throw damaged("a time is wrong");
  }
  return { address, lastSuccessAt };
}

function listIn<T>(value: unknown, max: number, parse: (item: unknown) => T): T[] {
  if (!Array.isArray(value) || value.length > max) throw damaged("a list is missing or too long");
  return value.map(parse);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function damaged(reason: string): CoterieError {
  return new CoterieError("BAD_FORMAT", reason);
}
