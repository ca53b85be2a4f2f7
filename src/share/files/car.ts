/**
 * CAR version 1 (ipld.io/specs/transport/car/carv1): a DAG as one stream. Sections are cut out here and not by the
 * package, whose reader keeps as much in memory as a section says it is long; the head goes to the package, bounded.
 */
import { CarWriter } from "@ipld/car";
import { bytesReader, readHeader } from "@ipld/car/decoder";
import { CID } from "multiformats/cid";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { isBlock, keyOf } from "./block-key.ts";
import { walkDag } from "./dag-walk.ts";
import type { ReadBlock } from "./unixfs-read.ts";

const headBytesMax = 64 * 1024;
const cidBytesMax = 128;

export async function* writeCar(
  read: ReadBlock,
  root: CID,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  yield* await carHead(root);
  for await (const { cid, bytes } of walkDag(read, root, signal)) {
    yield Buffer.concat([varint(cid.bytes.length + bytes.length), cid.bytes]);
    yield bytes;
  }
}

async function carHead(root: CID): Promise<Uint8Array[]> {
  const { writer, out } = CarWriter.create([root]);
  const closed = writer.close();
  const head: Uint8Array[] = [];
  for await (const piece of out) head.push(piece);
  await closed;
  return head;
}

export type CarItem =
  | { readonly kind: "roots"; readonly roots: readonly CID[] }
  | { readonly kind: "block"; readonly cid: CID; readonly bytes: Uint8Array };

/** The roots, then every block, each compared with its CID. Throws `BAD_FORMAT` or `BAD_BLOCK`. */
export async function* readCar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<CarItem> {
  const from = new Sections(chunks);
  const head = await from.next(headBytesMax);
  if (head === undefined) throw badCar("it is empty");
  yield { kind: "roots", roots: await rootsOf(head) };
  for (;;) {
    const section = await from.next(limits.blockBytesMax + cidBytesMax);
    if (section === undefined) return;
    const [cid, bytes] = decoded(() => CID.decodeFirst(section));
    keyOf(cid);
    if (!isBlock(cid, bytes)) {
      throw new CoterieError("BAD_BLOCK", `${cid.toString()} is not what is under its name`);
    }
    yield { kind: "block", cid, bytes };
  }
}

async function rootsOf(head: Uint8Array): Promise<readonly CID[]> {
  const whole = Buffer.concat([varint(head.length), head]);
  try {
    const { roots } = await readHeader(bytesReader(whole), 1);
    return roots;
  } catch (error) {
    throw badCar(toCoterieError(error).message);
  }
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw badCar(toCoterieError(error).message);
  }
}

/** Pieces of a stream that each begin with their length. */
class Sections {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #have: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Undefined at the end. */
  async next(bytesMax: number): Promise<Uint8Array | undefined> {
    let length = 0;
    for (let index = 0; ; index++) {
      if (!(await this.#fill(index + 1))) {
        if (index === 0) return undefined;
        throw badCar("it ends within a section");
      }
      const byte = this.#have[index]!;
      length += (byte & 0x7f) * 2 ** (7 * index);
      if (index > 6 || length > bytesMax) throw badCar("a section is too long");
      if (byte < 0x80) return this.#take(index + 1, length);
    }
  }

  async #take(skip: number, length: number): Promise<Uint8Array> {
    if (length === 0) throw badCar("a section is empty");
    if (!(await this.#fill(skip + length))) throw badCar("it ends within a section");
    const section = new Uint8Array(this.#have.subarray(skip, skip + length));
    this.#have = this.#have.subarray(skip + length);
    return section;
  }

  async #fill(length: number): Promise<boolean> {
    if (this.#have.length >= length) return true;
    const parts = [this.#have];
    for (let have = this.#have.length; have < length;) {
      const { done, value } = await this.#chunks.next();
      if (done) break;
      parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
      have += value.length;
    }
    this.#have = Buffer.concat(parts);
    return this.#have.length >= length;
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

function badCar(why: string): CoterieError {
  return new CoterieError("BAD_FORMAT", `this is no sound CAR file: ${why}`);
}
