/** Values as the API moves them, on one line for people. */
import { bytesAsText } from "./terminal/escape.ts";

type Moved = { readonly value?: unknown; readonly valueBase64?: string };

/** Text as it is, JSON as JSON, other bytes with `\xNN`; not yet escaped. */
export function valueText({ value, valueBase64 }: Moved): string {
  if (typeof valueBase64 === "string") return bytesAsText(Buffer.from(valueBase64, "base64"));
  return typeof value === "string" ? value : JSON.stringify(value);
}
