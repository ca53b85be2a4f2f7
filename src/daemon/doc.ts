/** Documents as the control API sees them: names are checked, and whether the namespace may be written to. */
import type { DocCalls } from "../control/doc-daemon.ts";
import { checkKey, checkNamespace, checkWritable } from "./checks.ts";
import type { State } from "../protocol/state/state.ts";

export function docOf({
  documents,
  state,
}: {
  readonly documents: DocCalls;
  readonly state: State;
}): DocCalls {
  const checkWrite = (namespace: string, key: string): void => {
    checkWritable(namespace, state);
    checkKey(key);
  };
  return {
    async get(namespace, key, signal) {
      checkNamespace(namespace);
      checkKey(key);
      return documents.get(namespace, key, signal);
    },
    async list(namespace, options, signal) {
      checkNamespace(namespace);
      return documents.list(namespace, options, signal);
    },
    async edit(namespace, key, splices, signal) {
      checkWrite(namespace, key);
      return documents.edit(namespace, key, splices, signal);
    },
    async merge(namespace, key, change, signal) {
      checkWrite(namespace, key);
      return documents.merge(namespace, key, change, signal);
    },
    async state(namespace, key, signal) {
      checkNamespace(namespace);
      checkKey(key);
      return documents.state(namespace, key, signal);
    },
    async update(namespace, key, update, signal) {
      checkWrite(namespace, key);
      return documents.update(namespace, key, update, signal);
    },
    async delete(namespace, key, signal) {
      checkWrite(namespace, key);
      return documents.delete(namespace, key, signal);
    },
  };
}
