/** Tags: what the person of a node says of it in pairs such as `role=worker`, for filters and rules of others. */
import { encodeUtf8 } from "./codec.ts";
import { limits } from "./limits.ts";
import { textFault } from "./name.ts";

/** By name; a tag has one value. */
export type Tags = Readonly<Record<string, string>>;
export type Tag = { readonly name: string; readonly value: string };

/** Lower-case letters, digits and inner hyphens, 1 to 63 bytes: a DNS label. */
function isTagName(name: string): boolean {
  return name.length <= limits.tagNameBytesMax && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(name);
}

function isTagValue(value: unknown): value is string {
  return typeof value === "string" && value !== "" && fits(value);
}

function fits(value: string): boolean {
  if (value.length > limits.tagValueBytesMax || !value.isWellFormed()) return false;
  return encodeUtf8(value).length <= limits.tagValueBytesMax;
}

/** Why these cannot be a node's own tags, or undefined when they can. */
export function tagsFault(tags: Tags): string | undefined {
  const entries = Object.entries(tags);
  if (entries.length > limits.tagsMax) return `a node has ${limits.tagsMax} tags at most`;
  return entries.map(([name, value]) => tagFault(name, value)).find(Boolean);
}

function tagFault(name: string, value: string): string | undefined {
  if (!isTagName(name)) {
    return `${JSON.stringify(name)} is no name of a tag: lower-case letters, digits and inner hyphens, ${limits.tagNameBytesMax} at most`;
  }
  const fault = textFault(value, "a tag's value", limits.tagValueBytesMax);
  return fault === undefined ? undefined : `${name}: ${fault}`;
}

/** The tags in what a member wrote of itself, by name; what is not sound is left out. Values may hold any characters. */
export function soundTags(given: unknown): Tags {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return {};
  const entries = Object.entries(given)
    .filter((entry): entry is [string, string] => isTagName(entry[0]) && isTagValue(entry[1]))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.slice(0, limits.tagsMax));
}

/** Of `NAME=VALUE`; undefined for what is no such pair. */
export function parseTag(text: string): Tag | undefined {
  const at = text.indexOf("=");
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  return at > 0 && isTagName(name) && isTagValue(value) ? { name, value } : undefined;
}

/** `role=worker`, by name. */
export function tagTexts(tags: Tags): string[] {
  return Object.entries(tags)
    .map(([name, value]) => `${name}=${value}`)
    .toSorted();
}
