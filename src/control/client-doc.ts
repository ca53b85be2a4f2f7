/** Calls of the client for documents. */
import type { CallOptions } from "./client.ts";
import type { Ask } from "./client-http.ts";
import type { DocList, DocMerged, DocState, DocText, DocWritten, WriteResult } from "./schema.ts";

/** Position, units to delete, text to insert. Units are UTF-16; each edit counts in the text as the ones before left it. */
export type DocEditTuple = readonly [at: number, remove: number, insert: string];

export interface DocClient {
  /** Rejects `NOT_FOUND` for a document that was never written, or deleted. */
  docGet(namespace: string, key: string, options?: CallOptions): Promise<DocText>;
  docList(
    namespace: string,
    query: { prefix?: string; after?: string; limit?: number },
    options?: CallOptions,
  ): Promise<DocList>;
  /** All edits or none, on disk when answered; at most `limits.docSplicesMax` and 8 MiB. Makes the document. */
  docEdit(
    namespace: string,
    key: string,
    edits: readonly DocEditTuple[],
    options?: CallOptions,
  ): Promise<DocWritten>;
  /** Does to the document what made `text` of `base`; answers with the document's text then. */
  docMerge(
    namespace: string,
    key: string,
    change: { base: string; text: string },
    options?: CallOptions,
  ): Promise<DocMerged>;
  /** For a program that holds the Yjs document itself: all there is, and the client id to write under. */
  docState(
    namespace: string,
    key: string,
    options?: CallOptions,
  ): Promise<{ client: number; update: Uint8Array }>;
  /** A Yjs update made under that client id. Rejects `CONFLICT` when it builds on what is not here (yet). */
  docUpdate(
    namespace: string,
    key: string,
    update: Uint8Array,
    options?: CallOptions,
  ): Promise<DocWritten>;
  docDelete(namespace: string, key: string, options?: CallOptions): Promise<WriteResult>;
}

export function docClient({
  call,
}: {
  readonly call: <T>(ask: Ask, options?: CallOptions) => Promise<T>;
}): DocClient {
  const post = <T>(path: string[], body: unknown, options?: CallOptions): Promise<T> => {
    const headers = { "content-type": "application/json" };
    return call({ method: "POST", path, headers, body: JSON.stringify(body) }, options);
  };
  return {
    docGet: (namespace, key, options) =>
      call({ method: "GET", path: ["doc", namespace, key] }, options),
    docList: (namespace, query, options) =>
      call({ method: "GET", path: ["doc", namespace], query }, options),
    docEdit: (namespace, key, edits, options) =>
      post(["doc", namespace, key, "edit"], { edits }, options),
    docMerge: (namespace, key, { base, text }, options) =>
      post(["doc", namespace, key, "merge"], { base, text }, options),
    docState: async (namespace, key, options) => {
      const path = ["doc", namespace, key, "state"];
      const { client, updateBase64 } = await call<DocState>({ method: "GET", path }, options);
      return { client, update: Buffer.from(updateBase64, "base64") };
    },
    docUpdate: (namespace, key, update, options) => {
      const path = ["doc", namespace, key, "update"];
      const headers = { "content-type": "application/octet-stream" };
      return call({ method: "POST", path, headers, body: update }, options);
    },
    docDelete: (namespace, key, options) =>
      call({ method: "DELETE", path: ["doc", namespace, key] }, options),
  };
}
