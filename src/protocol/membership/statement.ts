/**
 * What a member says of its own life, signed: nobody else can say it, and anybody may carry it. The incarnation is a
 * counter that the member raises to contradict a suspicion; of two statements the one with the higher one counts.
 * Layout: docs/formats.md, "Life".
 */
import { badFormat, Reader, Writer } from "../../core/codec.ts";
import { authorBytes, peerNameOf } from "../../core/ids.ts";
import { tag, verifySignature, type Identity } from "../../core/identity.ts";
import type { PeerName } from "../../core/ports.ts";

export type Statement = {
  readonly node: Uint8Array;
  readonly peer: PeerName;
  /** From 1. */
  readonly incarnation: number;
  readonly left: boolean;
  readonly signature: Uint8Array;
};

const statementTag = tag("coterie/life");
const signatureBytes = 64;

type Said = Pick<Statement, "node" | "incarnation" | "left">;

export function signStatement(
  { incarnation, left }: Pick<Statement, "incarnation" | "left">,
  identity: Identity,
  network: Uint8Array,
): Statement {
  const said = { node: identity.publicKey, incarnation, left };
  return { ...said, peer: identity.peer, signature: identity.sign(signed(said, network)) };
}

export function isGenuine(statement: Statement, network: Uint8Array): boolean {
  return verifySignature(statement.node, signed(statement, network), statement.signature);
}

export function sameSignature(one: Statement, other: Statement): boolean {
  return one.signature.every((byte, index) => byte === other.signature[index]);
}

export function writeStatement(out: Writer, statement: Statement): void {
  writeSaid(out, statement);
  out.bytes(statement.signature);
}

/** Throws `BAD_FORMAT`. The signature is not looked at. */
export function readStatement(reader: Reader): Statement {
  const node = reader.bytes(authorBytes).slice();
  const incarnation = reader.varint();
  if (incarnation === 0) badFormat("an incarnation is 1 at least");
  const status = reader.u8();
  if (status > 1) badFormat("unknown status of a member");
  const signature = reader.bytes(signatureBytes).slice();
  return { node, peer: peerNameOf(node), incarnation, left: status === 1, signature };
}

function signed(said: Said, network: Uint8Array): Uint8Array {
  const out = new Writer().bytes(statementTag).bytes(network);
  writeSaid(out, said);
  return out.finish();
}

function writeSaid(out: Writer, { node, incarnation, left }: Said): void {
  out.bytes(node).varint(incarnation).u8(Number(left));
}
