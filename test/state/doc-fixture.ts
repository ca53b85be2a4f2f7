/** Writers of documents that do as they are told, and updates that no honest one would write. */
import { encodeUtf8, Writer } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { comparePieces, docClient, type DocPiece } from "../../src/protocol/state/doc.ts";
import { DocView } from "../../src/protocol/state/doc-view.ts";
import {
  encodeDocUpdate,
  type DocId,
  type DocStruct,
} from "../../src/protocol/state/doc-update.ts";

export const key = "notes";

/** 40 bytes. */
export function writerNamed(name: string): Uint8Array {
  return new Writer()
    .bytes(sha256(encodeUtf8(name)))
    .u64(1n)
    .finish();
}

/** Updates in the document's order. */
export function viewOf(pieces: readonly DocPiece[]): DocView {
  const view = new DocView();
  view.apply(inOrder(pieces));
  return view;
}

export function inOrder(pieces: readonly DocPiece[]): { client: number; update: Uint8Array }[] {
  return pieces
    .toSorted(comparePieces)
    .map(({ writer, update }) => ({ client: docClient(writer, key), update }));
}

/** A node of one writer: it edits what it has seen, under stamps larger than all of that. */
export class DocNode {
  readonly writer: Uint8Array;
  readonly client: number;
  readonly seen: DocPiece[] = [];

  constructor(name: string) {
    this.writer = writerNamed(name);
    this.client = docClient(this.writer, key);
  }

  get text(): string {
    return viewOf(this.seen).toString();
  }

  edit(at: number, remove: number, insert: string): void {
    const view = viewOf(this.seen);
    const from = Math.min(at, view.length);
    const splice = { at: from, remove: Math.min(remove, view.length - from), insert };
    for (const update of view.edit(this.client, [splice])) {
      const stamp = this.seen.reduce(
        (most, piece) => (piece.stamp > most ? piece.stamp : most),
        0n,
      );
      const hash = sha256(update);
      this.seen.push({ stamp: stamp + 1n, writer: this.writer, index: 0, hash, update });
    }
  }

  takeFrom({ seen }: DocNode): void {
    for (const piece of seen) if (!this.seen.includes(piece)) this.seen.push(piece);
  }
}

/** A struct of one letter. */
export function letter(
  text: string,
  clock: number,
  origin: DocId | undefined,
  rightOrigin: DocId | undefined,
): DocStruct {
  return { clock, length: text.length, origin, rightOrigin, text };
}

export function updateOf(client: number, ...structs: readonly DocStruct[]): Uint8Array {
  return encodeDocUpdate({ structs, deletes: new Map() }, client);
}
