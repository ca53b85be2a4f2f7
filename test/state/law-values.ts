/** Values of the types once more, from a live set in no order and from the formats page alone, as plain text. */
import { createHash } from "node:crypto";
import { toHex } from "../../src/core/codec.ts";
import { peerNameOf } from "../../src/core/ids.ts";
import type { Placed } from "./law.ts";

export type Item = Placed & { readonly index: number };

function byTime(a: Placed, b: Placed): number {
  if (a.stamp !== b.stamp) return a.stamp < b.stamp ? -1 : 1;
  return toHex(a.hash) < toHex(b.hash) ? -1 : 1;
}

/** Those that say something at this time, the latest first. */
function shown(live: readonly Placed[], nowMs: number): Placed[] {
  return live
    .filter(({ entry }) => entry.body !== undefined)
    .filter(({ entry }) => entry.expires === undefined || entry.expires > BigInt(nowMs))
    .toSorted((a, b) => byTime(b, a));
}

function signed({ writer, stamp }: Placed): string {
  return `${peerNameOf(writer.slice(0, 32))} ${stamp}`;
}

export function multiText(live: readonly Placed[], nowMs: number): string[] {
  return shown(live, nowMs).map((one) => {
    const body = one.entry.body!;
    const kind = ["bytes", "text", "json"][body[0] ?? 0];
    const value = kind === undefined ? `bytes ${toHex(body)}` : `${kind} ${toHex(body.slice(1))}`;
    return `${signed(one)} ${value}`;
  });
}

/** Of one element. */
export function setText(live: readonly Placed[], nowMs: number): string[] {
  return shown(live, nowMs).slice(0, 1).map(signed);
}

export function counterText(live: readonly Placed[]): string[] {
  const slots = live.filter(({ entry }) => entry.body?.length === 16);
  const sums = slots.map(({ entry }) => {
    const body = Buffer.from(entry.body!);
    return body.readBigUInt64BE(0) - body.readBigUInt64BE(8);
  });
  const latest = slots.toSorted(byTime).at(-1);
  if (latest === undefined) return [];
  return [`${signed(latest)} ${sums.reduce((sum, each) => sum + each, 0n)}`];
}

type Listed = { readonly stamp: bigint; readonly index: number; readonly body: Buffer };

/** Items of a checkpoint whose bodies are shorter than 128 bytes; undefined when it is not well-formed. */
function listing(bytes: Buffer): Listed[] | undefined {
  const items: Listed[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 11 + (bytes[at + 10] ?? 255);
    if (end > bytes.length) return undefined;
    const [stamp, index] = [bytes.readBigUInt64BE(at), bytes.readUInt16BE(at + 8)];
    items.push({ stamp, index, body: bytes.subarray(at + 11, end) });
    at = end;
  }
  return items;
}

function listed({ entry: { range, body } }: Item): Listed[] {
  const items = listing(Buffer.from(body!));
  const places = items?.map(({ stamp, index }) => stamp * 65_536n + BigInt(index)) ?? [];
  const ascends = places.every((place, at) => at === 0 || place > places[at - 1]!);
  const fits = items?.every(({ stamp, index }) => {
    return stamp >= range!.from && stamp <= range!.to && index < 128;
  });
  return items !== undefined && ascends && fits === true ? items : [];
}

/** Every item once, oldest first. */
export function logText(live: readonly Item[]): string[] {
  const tag = Buffer.from("\u0010coterie/log-item");
  const items = live.flatMap((one) => {
    const { entry, writer, stamp, index } = one;
    if (entry.body === undefined) return [];
    const own = { stamp, index, body: Buffer.from(entry.body) };
    return (entry.range === undefined ? [own] : listed(one)).map((item) => ({ ...item, writer }));
  });
  const texts = items.map(({ stamp, writer, index, body }) => {
    const place = [stamp.toString(16).padStart(16, "0"), toHex(writer)];
    const digits = index.toString(16).padStart(4, "0");
    const named = [tag, writer, Buffer.from(place[0]! + digits, "hex"), body];
    const hash = createHash("sha256").update(Buffer.concat(named)).digest("hex");
    return [...place, digits, hash, toHex(body)].join(" ");
  });
  return [...new Set(texts)].toSorted().map((text) => text.replace(/ [0-9a-f]{64} /, " "));
}
