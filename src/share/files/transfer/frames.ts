/**
 * What is said on a channel for `/coterie/blocks/1.0.0`; layout: docs/formats.md, "Blocks". The asker names blocks, in the
 * order in which it wants them; the holder answers all, in that order, in groups: one head, then the blocks of the group.
 * The holder parses nothing of what it serves and walks no DAG: ranges, parts for several holders and what is there already
 * are the asker's matter, and a DAG made to be walked for ever costs a holder nothing.
 */
import { CID } from "multiformats/cid";
import { badFormat, Reader, Writer } from "../../../core/codec.ts";
import { limits } from "../../../core/limits.ts";

export const blocksProtocol = "/coterie/blocks/1.0.0";

export const wantHeadBytes = 4;
export const groupHeadBytes = 2;
export const answerBytes = 5;

/** `absent`: not here; `damaged`: here, and the disk gives other bytes. */
export type AnswerKind = "block" | "absent" | "damaged";
/** `size` is that of the block, 0 for others. */
export type AnswerHead = { readonly kind: AnswerKind; readonly size: number };

const kinds: readonly AnswerKind[] = ["block", "absent", "damaged"];

/** Length (u32), then each CID as `bytes`; 1 to `limits.blockWantsPerFrameMax` of them. */
export function encodeWants(cids: readonly CID[]): Uint8Array {
  const body = new Writer();
  for (const { bytes } of cids) body.prefixed(bytes);
  const { length } = body;
  return new Writer().u32(length).bytes(body.finish()).finish();
}

/** Of the body that a frame of wants begins with. Throws `BAD_FORMAT`. */
export function wantsLength(head: Uint8Array): number {
  const length = new Reader(head).u32();
  const max = limits.blockWantsPerFrameMax * (limits.cidBytesMax + 2);
  return length === 0 || length > max ? badFormat("a frame of wants has no such length") : length;
}

/** Throws `BAD_FORMAT`. */
export function decodeWants(body: Uint8Array): CID[] {
  const reader = new Reader(body);
  const cids: CID[] = [];
  while (reader.remaining > 0) {
    if (cids.length >= limits.blockWantsPerFrameMax) badFormat("too many wants in one frame");
    cids.push(decodeCid(reader.prefixed(limits.cidBytesMax)));
  }
  return cids;
}

function decodeCid(bytes: Uint8Array): CID {
  try {
    return CID.decode(bytes.slice());
  } catch {
    return badFormat("not a CID");
  }
}

/** The head of a group: number of answers (u16), then kind (u8) and size (u32) of each. */
export function encodeGroupHead(answers: readonly AnswerHead[]): Uint8Array {
  const head = new Writer().u16(answers.length);
  for (const { kind, size } of answers) head.u8(kinds.indexOf(kind)).u32(size);
  return head.finish();
}

/** Throws `BAD_FORMAT` for none, and for more than are awaited. */
export function groupLength(head: Uint8Array, awaited: number): number {
  const count = new Reader(head).u16();
  return count === 0 || count > awaited ? badFormat(`${count} answers to ${awaited} wants`) : count;
}

/** Throws `BAD_FORMAT`. */
export function decodeAnswers(body: Uint8Array): AnswerHead[] {
  const reader = new Reader(body);
  const answers: AnswerHead[] = [];
  while (reader.remaining > 0) {
    const kind = kinds[reader.u8()] ?? badFormat("an answer of an unknown kind");
    const size = reader.u32();
    if (size > limits.blockBytesMax) badFormat(`a block of ${size} bytes is over the limit`);
    if (kind !== "block" && size > 0) badFormat("an answer without a block has a size");
    answers.push({ kind, size });
  }
  return answers;
}
