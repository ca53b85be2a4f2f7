/** Records of the key-value store as JSON text, values verbatim. */
import type { ChangeEvent, Holding, KvRecord, LogEntry, MultiRecord } from "./daemon.ts";
import { valueMember, valueMemberInLine } from "./value-json.ts";

/** 16 hexadecimal digits. */
export function stampText(stamp: bigint): string {
  return stamp.toString(16).padStart(16, "0");
}

/** A `KvItem`. */
export function itemJson(record: KvRecord): string {
  return `{"key":${JSON.stringify(record.key)},${writtenMembers(record, valueMember)}}`;
}

type Written = Omit<KvRecord, "key">;

/** The members of a `WrittenValue`. */
function writtenMembers({ value, author, stamp }: Written, member: typeof valueMember): string {
  const writtenAt = Number(stamp >> 16n);
  return (
    `${member(value)},"author":${JSON.stringify(author)},` +
    `"stamp":"${stampText(stamp)}","writtenAt":${writtenAt}`
  );
}

function valuesJson(values: readonly KvRecord[], member: typeof valueMember): string {
  return `[${values.map((value) => `{${writtenMembers(value, member)}}`).join(",")}]`;
}

/** A `MultiItem`. */
export function multiJson({ key, count, values }: MultiRecord): string {
  const head = `"key":${JSON.stringify(key)},"count":${count}`;
  return `{${head},"values":${valuesJson(values, valueMember)}}`;
}

/** A `LogItem`, in one line. */
export function logItemJson(item: LogEntry): string {
  return `{"position":"${item.position}",${writtenMembers(item, valueMemberInLine)}}`;
}

/** A line of an export, with its line feed: what an import takes back. */
export function exportLine(record: KvRecord): string {
  return `{"key":${JSON.stringify(record.key)},${valueMemberInLine(record.value)}}\n`;
}

/** A `WatchEvent`, in one line. */
export function changeJson(change: ChangeEvent): string {
  const { cursor, namespace, type, key, member, holding, author, stamp } = change;
  const head = {
    cursor,
    namespace,
    type,
    key,
    ...setMembers(member),
    deleted: holding === undefined,
  };
  const tail = { author, stamp: stampText(stamp) };
  const held = holding === undefined ? "" : heldMember(holding);
  return `${JSON.stringify(head).slice(0, -1)}${held},${JSON.stringify(tail).slice(1)}`;
}

function setMembers(member: ChangeEvent["member"]): { set?: string; element?: string } {
  return member === undefined ? {} : { set: member.name, element: member.element };
}

function heldMember(holding: Holding): string {
  switch (holding.type) {
    case "register":
      return `,${valueMemberInLine(holding.record.value)}`;
    case "multi":
      return `,"values":${valuesJson(holding.values, valueMemberInLine)}`;
    case "counter":
      return `,"value":"${holding.value}"`;
    default:
      return "";
  }
}
