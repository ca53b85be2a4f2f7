const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `500ms`, `30s`, `2m` or `1h`. Throws for anything else. */
export function durationMs(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (match === null) throw new Error(`a time is written 500ms, 30s, 2m or 1h, not ${text}`);
  return Number(match[1]) * (unitMs[match[2] ?? ""] ?? 1);
}
