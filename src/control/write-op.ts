/** Writes as JSON objects, `{"key":...,"value":...}`: lines of an import and items of a batch. */
import { badFormat, decodeUtf8 } from "../core/codec.ts";
import { CoterieError } from "../core/errors.ts";
import { keyFault } from "../core/ids.ts";
import type { WriteOp } from "./daemon.ts";
import { parseJson, sliceElements, sliceMembers, type Member } from "./json-slice.ts";
import { valueOfBase64, valueOfJson } from "./value-json.ts";

const lineMembers = new Set(["key", "value", "valueBase64"]);
const batchMembers = new Set([...lineMembers, "delete"]);

/**
 * The write of one import line. Throws `BAD_FORMAT` (not UTF-8, not JSON, members missing, unknown, twice or too
 * many), `BAD_KEY`, `BAD_VALUE` or `TOO_LARGE`.
 */
export function writeOpOfLine(line: Uint8Array): WriteOp {
  const text = decodeUtf8(line);
  parseJson(text);
  return writeOpOf(text, sliceMembers(text), lineMembers);
}

/** The writes of a batch `{"ops":[...]}` that has passed its schema; `text` is its JSON. Throws as above. */
export function writeOpsOfBatch(text: string): WriteOp[] {
  const ops = sliceMembers(text).find((member) => member.name === "ops");
  if (ops === undefined) return badFormat('the member "ops" is missing');
  return sliceElements(text, ops.from).map((element) =>
    writeOpOf(text, sliceMembers(text, element.from), batchMembers),
  );
}

function writeOpOf(text: string, members: readonly Member[], known: ReadonlySet<string>): WriteOp {
  const unknown = members.find((member) => !known.has(member.name));
  if (unknown !== undefined) badFormat(`unknown member ${JSON.stringify(unknown.name)}`);
  const keyMember = members.find((member) => member.name === "key");
  if (keyMember === undefined) return badFormat('the member "key" is missing');
  const given = members.filter((member) => member !== keyMember);
  const [what] = given;
  if (what === undefined || given.length > 1) {
    return badFormat(`besides "key", one of ${[...known].slice(1).join(", ")} is needed`);
  }
  const raw = text.slice(what.from, what.to);
  return { key: keyOf(text.slice(keyMember.from, keyMember.to)), value: valueOf(what.name, raw) };
}

function keyOf(raw: string): string {
  const key: unknown = JSON.parse(raw);
  if (typeof key !== "string") return badFormat("the key is not a string");
  const fault = keyFault(key);
  if (fault !== undefined) throw new CoterieError("BAD_KEY", fault);
  return key;
}

function valueOf(name: string, raw: string): WriteOp["value"] {
  if (name === "delete") {
    return raw === "true" ? undefined : badFormat('"delete" can only be true');
  }
  return name === "value" ? valueOfJson(raw) : valueOfBase64(JSON.parse(raw));
}
