/** Documents of one writer in memory, behind the seam of the control server. */
import { CoterieError } from "../src/core/errors.ts";
import type { DocCalls } from "../src/control/doc-daemon.ts";
import { mergeTexts } from "../src/protocol/state/text-merge.ts";

export function memoryDocuments(): DocCalls {
  const texts = new Map<string, string>();
  let stamp = 1_700_000_000_000n << 16n;
  const nameOf = (namespace: string, key: string): string => `${namespace} ${key}`;
  const write = (name: string, text: string) => {
    const isNews = texts.get(name) !== text;
    if (isNews) texts.set(name, text);
    return { length: text.length, stamp: isNews ? ++stamp : undefined };
  };
  const edit: DocCalls["edit"] = async (namespace, key, splices) => {
    let text = texts.get(nameOf(namespace, key)) ?? "";
    for (const { at, remove, insert } of splices) {
      if (at + remove > text.length) throw new CoterieError("BAD_REQUEST", "beyond the end");
      text = text.slice(0, at) + insert + text.slice(at + remove);
    }
    return write(nameOf(namespace, key), text);
  };
  return {
    edit,
    async get(namespace, key) {
      const text = texts.get(nameOf(namespace, key));
      return text === undefined
        ? undefined
        : { key, text, stamp, entries: 1, refused: 0, partly: 0 };
    },
    async list(namespace, { prefix, after = "", limit }) {
      const within = nameOf(namespace, prefix);
      const all = [...texts.keys()]
        .filter((name) => name.startsWith(within))
        .map((name) => name.slice(namespace.length + 1))
        .filter((key) => key > after)
        .toSorted();
      const items = all.slice(0, limit).map((key) => {
        return { key, entries: 1, bytes: 100, writers: 1, stamp };
      });
      return { items, next: all.length > limit ? items.at(-1)?.key : undefined };
    },
    async merge(namespace, key, { base, text }) {
      const current = texts.get(nameOf(namespace, key));
      if (current === undefined && base !== "") throw new CoterieError("NOT_FOUND", "gone");
      await edit(namespace, key, []);
      const written = await edit(namespace, key, mergeTexts(base, text, current ?? ""));
      return { ...written, text: texts.get(nameOf(namespace, key)) ?? "" };
    },
    async state() {
      return { client: 7, update: Uint8Array.of(0, 0) };
    },
    async update(namespace, key, update) {
      return write(nameOf(namespace, key), `${update.length} bytes`);
    },
    async delete(namespace, key) {
      texts.delete(nameOf(namespace, key));
      return ++stamp;
    },
  };
}
