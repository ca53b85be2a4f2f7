/** What travels about a member: its latest own statement, and whether somebody found it unreachable since. */
import { badFormat, Reader, Writer } from "../../core/codec.ts";
import { readStatement, writeStatement, type Statement } from "./statement.ts";

export type News = {
  readonly statement: Statement;
  /** The member is suspected under this statement; only a higher incarnation of its own takes that back. */
  readonly accused: boolean;
};

const newsKinds = { statement: 1, suspicion: 2 } as const;

/** One message of the members' topic. */
export function encodeNews(news: News): Uint8Array {
  const out = new Writer();
  writeNews(out, news);
  return out.finish();
}

/** False for a kind that a later version may send. */
export function isNews(bytes: Uint8Array): boolean {
  return bytes[0] === newsKinds.statement || bytes[0] === newsKinds.suspicion;
}

/** Throws `BAD_FORMAT`. */
export function decodeNews(bytes: Uint8Array): News {
  const reader = new Reader(bytes);
  const news = readNews(reader);
  reader.end();
  return news;
}

export function writeNews(out: Writer, { statement, accused }: News): void {
  out.u8(accused ? newsKinds.suspicion : newsKinds.statement);
  writeStatement(out, statement);
}

export function readNews(reader: Reader): News {
  const kind = reader.u8();
  if (kind !== newsKinds.statement && kind !== newsKinds.suspicion)
    badFormat("unknown kind of news");
  const statement = readStatement(reader);
  const accused = kind === newsKinds.suspicion;
  if (accused && statement.left) badFormat("a suspicion of a member that has left");
  return { statement, accused };
}
