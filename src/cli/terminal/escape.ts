/**
 * Text of others on our terminal. A key, value or name from the network may hold control characters that move the
 * cursor, retitle the window, or (bidirectional overrides, CVE-2021-42574) make a line read as another one. They are
 * shown as `\n`, `\x1b` or `\u{202e}`. A backslash stays as it is: this is for reading; `--json` is exact.
 */
import { isUtf8 } from "node:buffer";

/** C0, DEL, C1; line and paragraph separators; bidirectional marks, embeddings, overrides and isolates; lone surrogates. */
const unsafe =
  // oxlint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Cs}/gu;

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escapeOne(character: string): string {
  const short = named[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  return code <= 0xff ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}

/** One line: nothing in the result moves the cursor. */
export function escapeText(text: string): string {
  return text.replace(unsafe, escapeOne);
}

/** As `escapeText`, but line feeds and tabs stay, for a value shown as a whole. */
export function escapeBlock(text: string): string {
  return text.replace(unsafe, (character) =>
    character === "\n" || character === "\t" ? character : escapeOne(character),
  );
}

/** JSON text that means the same, with the characters that JSON lets through in strings written as `\\uXXXX`. */
export function escapeJson(json: string): string {
  return json.replace(unsafe, (character) =>
    character === "\n" || character === "\t"
      ? character
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Bytes as text when they are well-formed UTF-8, else ASCII with every other byte as `\xNN`; not yet escaped. */
export function bytesAsText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString("utf8");
  let text = "";
  for (const byte of buffer) {
    text += byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`;
  }
  return text;
}
