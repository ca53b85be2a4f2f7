/** Log lines of a daemon (JSON, since no terminal reads them) as people read them. */

/** Control characters and marks that reorder text: what a peer named itself must not steer the terminal. */
const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Without anything that steers a terminal. */
export function printable(text: string): string {
  return text.replace(unsafe, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

type Fields = Readonly<Record<string, unknown>>;

/** `12:00:00.000 INFO  net      peer connected peer=12D3Koo...`; a line that is no log record stays as it is. */
export function logText(line: string): string {
  const record = parsed(line);
  if (record === undefined) return printable(line);
  const { time, level, room, message, fields } = record;
  const clock = new Date(Number(time)).toISOString().slice("2026-01-01T".length, -1);
  const facts = Object.entries((fields ?? {}) as Fields).map(([name, value]) => {
    const plain = typeof value === "string" && /^[^\s"=]+$/.test(value);
    return ` ${name}=${plain ? value : JSON.stringify(value)}`;
  });
  const head = `${clock} ${String(level).toUpperCase().padEnd(5)} ${String(room).padEnd(8)}`;
  return printable(`${head} ${String(message)}${facts.join("")}`);
}

function parsed(line: string): Fields | undefined {
  if (!line.startsWith('{"')) return undefined;
  try {
    const record = JSON.parse(line) as Fields;
    return Number.isFinite(record["time"]) ? record : undefined;
  } catch {
    return undefined; // cut short by a kill, or another program's
  }
}
