/**
 * Key files: one line of text, a label that says what the key is for and its Ed25519 seed (RFC 8032) in hexadecimal:
 *
 *     coterie-identity-v1 9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60
 *
 * The label keeps a key from being used for another purpose, and carries the version of the format.
 */
import { badFormat, fromHex, toHex } from "./codec.ts";

const labels = { identity: "coterie-identity-v1", owner: "coterie-owner-v1" } as const;

/** `identity` names a node and signs its state; `owner` signs for a whole network. */
export type KeyKind = keyof typeof labels;

export function formatKeyFile(kind: KeyKind, seed: Uint8Array): string {
  return `${labels[kind]} ${toHex(seed)}\n`;
}

/** The 32-byte seed; throws `BAD_FORMAT` for anything but exactly one line of that kind. Never quotes the content. */
export function parseKeyFile(kind: KeyKind, text: string): Uint8Array {
  const label = labels[kind];
  if (text === "") badFormat("the file is empty");
  if (!text.startsWith(`${label} `)) badFormat(`the file does not begin with "${label}"`);
  const line = text.endsWith("\n") ? text.slice(0, -1) : text;
  const digits = line.slice(label.length + 1);
  if (!/^[0-9a-f]{64}$/.test(digits)) badFormat(`"${label}" is not followed by 64 hex digits`);
  return fromHex(digits);
}
