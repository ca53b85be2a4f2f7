import { CoterieError } from "../core/errors.ts";

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
/** The longest span a Node timer can wait, about 24 days. */
const longestMs = 2 ** 31 - 1;

/** Milliseconds of `500ms`, `30s`, `2m`, `1h` or plain seconds; throws `USAGE` for anything else and for 0. */
export function parseDuration(text: string, name: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const ms = match === null ? Number.NaN : Number(match[1]) * (unitMs[match[2] ?? "s"] ?? 0);
  if (!(ms >= 1)) {
    throw new CoterieError("USAGE", `${name} wants a time such as 500ms, 30s or 2m, not "${text}"`);
  }
  return Math.min(Math.round(ms), longestMs);
}
