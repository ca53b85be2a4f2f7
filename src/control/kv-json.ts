/** Records of the key-value store as JSON text, values verbatim. */
import type { ChangeEvent, KvRecord } from "./daemon.ts";
import { valueMember, valueMemberInLine } from "./value-json.ts";

/** 16 hexadecimal digits. */
export function stampText(stamp: bigint): string {
  return stamp.toString(16).padStart(16, "0");
}

/** A `KvItem`. */
export function itemJson(record: KvRecord): string {
  const { key, author, stamp } = record;
  const writtenAt = Number(stamp >> 16n);
  return (
    `{"key":${JSON.stringify(key)},${valueMember(record.value)},` +
    `"author":${JSON.stringify(author)},"stamp":"${stampText(stamp)}","writtenAt":${writtenAt}}`
  );
}

/** A line of an export, with its line feed: what an import takes back. */
export function exportLine(record: KvRecord): string {
  return `{"key":${JSON.stringify(record.key)},${valueMemberInLine(record.value)}}\n`;
}

/** A `WatchEvent`, in one line. */
export function changeJson({ cursor, namespace, key, record }: ChangeEvent): string {
  const head = JSON.stringify({ cursor, namespace, key, deleted: record === undefined });
  if (record === undefined) return head;
  const { value, author, stamp } = record;
  return (
    `${head.slice(0, -1)},${valueMemberInLine(value)},` +
    `"author":${JSON.stringify(author)},"stamp":"${stampText(stamp)}"}`
  );
}
