/** Frames of a probe stream; both sides send what they like. Layout: docs/formats.md, "Probe". */
import { badFormat, Reader, Writer } from "../../core/codec.ts";
import { authorBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import { readNews, writeNews, type News } from "./news.ts";

export type ProbeFrame =
  /** Answered with `ack` at once. */
  | { readonly kind: "ping" | "ack"; readonly number: number }
  /** Ping this member for me; answered with `ack` or `nack`. */
  | { readonly kind: "ask"; readonly number: number; readonly target: Uint8Array }
  /** The member gave no answer. */
  | { readonly kind: "nack"; readonly number: number }
  /** What the sender knows of members; with `wanted` it asks for the same. */
  | { readonly kind: "table"; readonly wanted: boolean; readonly news: readonly News[] };

const kinds = { ping: 1, ack: 2, ask: 3, nack: 4, table: 5 } as const;
const numberMax = 2 ** 32 - 1;

export function encodeProbeFrame(frame: ProbeFrame): Uint8Array {
  const out = new Writer().u8(kinds[frame.kind]);
  if (frame.kind === "table") {
    out.u8(Number(frame.wanted));
    for (const news of frame.news) writeNews(out, news);
  } else {
    out.varint(frame.number);
    if (frame.kind === "ask") out.bytes(frame.target);
  }
  return out.finish();
}

/** A table in as many frames as it takes: one at least when the other's is wanted, else none for nothing. */
export function tableFrames(news: readonly News[], wanted: boolean): ProbeFrame[] {
  const count = Math.max(Number(wanted), Math.ceil(news.length / limits.newsPerFrameMax));
  return Array.from({ length: count }, (_, index) => {
    const from = index * limits.newsPerFrameMax;
    const part = news.slice(from, from + limits.newsPerFrameMax);
    return { kind: "table", wanted: wanted && index === 0, news: part };
  });
}

/** Throws `BAD_FORMAT`. */
export function decodeProbeFrame(bytes: Uint8Array): ProbeFrame {
  const reader = new Reader(bytes);
  const frame = readFrame(reader);
  reader.end();
  return frame;
}

function readFrame(reader: Reader): ProbeFrame {
  switch (reader.u8()) {
    case kinds.ping:
      return { kind: "ping", number: readNumber(reader) };
    case kinds.ack:
      return { kind: "ack", number: readNumber(reader) };
    case kinds.nack:
      return { kind: "nack", number: readNumber(reader) };
    case kinds.ask: {
      const number = readNumber(reader);
      return { kind: "ask", number, target: reader.bytes(authorBytes).slice() };
    }
    case kinds.table: {
      const flag = reader.u8();
      if (flag > 1) badFormat("unknown flags");
      const news: News[] = [];
      while (reader.remaining > 0) {
        if (news.length === limits.newsPerFrameMax) badFormat("too much news in one frame");
        news.push(readNews(reader));
      }
      return { kind: "table", wanted: flag === 1, news };
    }
    default:
      return badFormat("unknown kind of frame");
  }
}

function readNumber(reader: Reader): number {
  const value = reader.varint();
  return value <= numberMax ? value : badFormat("number out of range");
}
