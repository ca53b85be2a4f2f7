/** Calls of the client for shared files. Progress ends with its result. */
import type { CallOptions } from "./client.ts";
import { get, post, remove } from "./client-ask.ts";
import type { Ask } from "./client-http.ts";
import { exchangeEvents, streamChunks, streamEvents, type Opening } from "./client-stream.ts";
import type {
  CollectResult,
  FilesProgress,
  FilesUsage,
  Finding,
  GotResult,
  ImportResult,
  PinResult,
  Share,
  ShareList,
  ShareStatuses,
  VerifyResult,
} from "./schema-files.ts";

type Wish = {
  readonly name?: string;
  readonly copiesMin?: number;
  readonly copiesMax?: number;
  readonly replace?: boolean;
};
type Chunks = AsyncIterable<Uint8Array>;
type Progress<Result> = AsyncIterable<FilesProgress<Result>>;

export interface FilesClient {
  shares(options?: CallOptions): Promise<ShareList>;
  /** Rejects `NOT_FOUND`. */
  share(name: string, options?: CallOptions): Promise<ShareStatuses>;
  /** A path of the daemon's host, absolute. */
  shareAdd(
    wish: Wish & { readonly path: string; readonly links?: "refuse" | "keep" | "skip" },
    options?: CallOptions,
  ): Progress<Share>;
  shareAddStream(
    chunks: Chunks,
    wish: Wish & { readonly name: string },
    options?: CallOptions,
  ): Progress<Share>;
  shareRemove(name: string, force: boolean, options?: CallOptions): Promise<void>;
  /** `what` is the name of a share, or a CID. */
  fileGet(what: string, path: string, options?: CallOptions): Progress<GotResult>;
  fileBytes(what: string, options?: CallOptions): Chunks;
  fileCar(what: string, options?: CallOptions): Chunks;
  filePin(what: string, options?: CallOptions): Progress<PinResult>;
  fileUnpin(what: string, options?: CallOptions): Promise<void>;
  fileDiagnose(what: string, options?: CallOptions): AsyncIterable<Finding>;
  blocks(options?: CallOptions): Promise<FilesUsage>;
  blocksImport(chunks: Chunks, options?: CallOptions): Progress<ImportResult>;
  blocksCollect(options?: CallOptions): Progress<CollectResult>;
  blocksVerify(options?: CallOptions): Progress<VerifyResult>;
}

export function filesClient({
  call,
  opening,
}: {
  readonly call: <T>(ask: Ask, options?: CallOptions) => Promise<T>;
  readonly opening: (options?: CallOptions) => Opening;
}): FilesClient {
  const put = (...path: string[]): Ask => ({ method: "PUT", path });
  const upload = <T>(ask: Ask, type: string, chunks: Chunks, options?: CallOptions) =>
    exchangeEvents<T>(opening(options), { ...ask, headers: { "content-type": type } }, chunks);
  return {
    shares: (options) => call(get("shares"), options),
    share: (name, options) => call(get("shares", name), options),
    shareAdd: (query, options) => streamEvents(opening(options), { ...post("shares"), query }),
    shareAddStream: (chunks, query, options) =>
      upload({ ...put("shares"), query }, "application/octet-stream", chunks, options),
    shareRemove: (name, force, options) =>
      call({ ...remove("shares", name), query: { force } }, options),
    fileGet: (what, path, options) =>
      streamEvents(opening(options), { ...post("files", what, "get"), query: { path } }),
    fileBytes: (what, options) => streamChunks(opening(options), get("files", what)),
    fileCar: (what, options) => streamChunks(opening(options), get("files", what, "car")),
    filePin: (what, options) => streamEvents(opening(options), put("files", what, "pin")),
    fileUnpin: (what, options) => call(remove("files", what, "pin"), options),
    fileDiagnose: (what, options) => streamEvents(opening(options), get("files", what, "diag")),
    blocks: (options) => call(get("blocks"), options),
    blocksImport: (chunks, options) =>
      upload(put("blocks"), "application/vnd.ipld.car", chunks, options),
    blocksCollect: (options) => streamEvents(opening(options), post("blocks", "collect")),
    blocksVerify: (options) => streamEvents(opening(options), post("blocks", "verify")),
  };
}
