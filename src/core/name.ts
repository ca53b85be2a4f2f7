/** Names people give to nodes and networks; they travel in tickets and the roster and are printed on terminals. */
import { encodeUtf8 } from "./codec.ts";
import { limits } from "./limits.ts";

/** Control characters, line and paragraph separators, and the marks that reorder text around them. */
const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Why a text cannot be a name, or undefined when it can: 1 to 64 bytes of UTF-8 that print as one line. */
export function nameFault(name: string): string | undefined {
  if (name === "") return "a name cannot be empty";
  if (!name.isWellFormed()) return "a name must be well-formed Unicode";
  if (unprintable.test(name)) return "a name cannot contain control characters";
  if (name.trim() !== name) return "a name cannot begin or end with a space";
  const length = encodeUtf8(name).length;
  if (length > limits.nameBytesMax) {
    return `a name is at most ${limits.nameBytesMax} bytes; this one has ${length}`;
  }
  return undefined;
}
