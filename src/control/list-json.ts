/** Listings as JSON, `{"items":[...],"next":...}`, gathered piece by piece so that none holds up the rest of the daemon. */
import { limits } from "../core/limits.ts";
import type { Clock } from "../core/ports.ts";
import { createBreather } from "./breathe.ts";
import type { Listed, ListOptions } from "./daemon.ts";
import type { Reply } from "./route.ts";

/** Ends early when it grows large; `next` says where to go on. */
export async function listReply<T>(
  list: (options: ListOptions) => Listed<T>,
  options: ListOptions,
  textOf: (item: T) => string,
  clock: Clock,
): Promise<Reply> {
  const breathe = createBreather(clock);
  const texts: string[] = [];
  let length = 0;
  let next: string | undefined;
  do {
    const limit = Math.min(options.limit - texts.length, limits.exportPageItems);
    const page = list({ ...options, ...(next === undefined ? {} : { after: next }), limit });
    for (const item of page.items) {
      const text = textOf(item);
      texts.push(text);
      length += text.length;
    }
    next = page.next;
    await breathe();
  } while (next !== undefined && texts.length < options.limit && length < limits.listBytesMax);
  const text = `{"items":[${texts.join(",")}],"next":${JSON.stringify(next ?? null)}}`;
  return { kind: "json", text };
}
