/** What the control server asks of the daemon's documents: texts that several write at the same time. */

/** Positions and lengths count UTF-16 units; of several each counts in the text as the ones before left it. */
export type DocSplice = { readonly at: number; readonly remove: number; readonly insert: string };

export type DocRecord = {
  readonly key: string;
  readonly text: string;
  /** Of the newest entry. */
  readonly stamp: bigint;
  readonly entries: number;
  /** Entries and updates that contribute nothing, since they are not of their writer's own text. */
  readonly refused: number;
  /** Updates of which something hangs on text that is not here. */
  readonly partly: number;
};

export type DocSummary = {
  readonly key: string;
  readonly entries: number;
  /** Of the updates it is made of. */
  readonly bytes: number;
  readonly writers: number;
  readonly stamp: bigint;
};

/** Once it is on disk here. `stamp` is undefined when there was nothing to change. */
export type DocWrite = { readonly length: number; readonly stamp: bigint | undefined };

export interface DocCalls {
  /** Undefined when it was never written, or deleted. Throws `TOO_LARGE` or `TIMEOUT` for one that breaks the limits. */
  get(namespace: string, key: string, signal?: AbortSignal): Promise<DocRecord | undefined>;
  list(
    namespace: string,
    options: { prefix: string; after?: string; limit: number },
    signal?: AbortSignal,
  ): Promise<{ items: DocSummary[]; next: string | undefined }>;
  /** All splices or none; makes the document when there is none. Throws `BAD_REQUEST` for one beyond its end. */
  edit(
    namespace: string,
    key: string,
    splices: readonly DocSplice[],
    signal?: AbortSignal,
  ): Promise<DocWrite>;
  /** Does to the document what made `text` of `base`; `text` of the answer is the document then. */
  merge(
    namespace: string,
    key: string,
    change: { readonly base: string; readonly text: string },
    signal?: AbortSignal,
  ): Promise<DocWrite & { readonly text: string }>;
  /** The document as one Yjs update, and the client id under which this node writes in it. */
  state(
    namespace: string,
    key: string,
    signal?: AbortSignal,
  ): Promise<{ readonly client: number; readonly update: Uint8Array }>;
  /** Takes a Yjs update made under that client id. Throws `CONFLICT` when it does not build on what is here. */
  update(
    namespace: string,
    key: string,
    update: Uint8Array,
    signal?: AbortSignal,
  ): Promise<DocWrite>;
  delete(namespace: string, key: string, signal?: AbortSignal): Promise<bigint>;
}
