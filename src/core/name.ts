/** Names people give to nodes and networks; they travel in tickets and the roster and are printed on terminals. */
import { encodeUtf8 } from "./codec.ts";
import { limits } from "./limits.ts";

/** Control characters, line and paragraph separators, and the marks that reorder text around them. */
const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Why a text cannot be a name, or undefined when it can: 1 to 64 bytes of UTF-8 that print as one line. */
export function nameFault(name: string): string | undefined {
  return textFault(name, "a name", limits.nameBytesMax);
}

/** The same of other short texts, called `what`. */
export function textFault(text: string, what: string, bytesMax: number): string | undefined {
  if (text === "") return `${what} cannot be empty`;
  if (!text.isWellFormed()) return `${what} must be well-formed Unicode`;
  if (unprintable.test(text)) return `${what} cannot contain control characters`;
  if (text.trim() !== text) return `${what} cannot begin or end with a space`;
  const length = encodeUtf8(text).length;
  if (length > bytesMax) return `${what} is at most ${bytesMax} bytes; this one has ${length}`;
  return undefined;
}
