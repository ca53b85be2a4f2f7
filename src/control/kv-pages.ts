/** Walks a namespace in key order, page by page, so that no more than a page is in memory at once. */
import { limits } from "../core/limits.ts";
import type { Daemon, KvRecord } from "./daemon.ts";

export type Page = { readonly items: readonly KvRecord[]; readonly next: string | undefined };

/** Not a snapshot: a key written during the walk is seen if it lies ahead. */
export function* kvPages(
  kv: Daemon["kv"],
  namespace: string,
  query: { readonly prefix: string; readonly after: string | undefined; readonly limit: number },
): Generator<Page, void> {
  let { after } = query;
  let left = query.limit;
  while (left > 0) {
    const limit = Math.min(left, limits.exportPageItems);
    const place = after === undefined ? {} : { after };
    const page = kv.list(namespace, { prefix: query.prefix, ...place, limit });
    yield page;
    if (page.next === undefined) return;
    after = page.next;
    left -= page.items.length;
  }
}
