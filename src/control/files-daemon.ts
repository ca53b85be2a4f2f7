/** What the control server asks of the daemon for shared files. Progress ends with its result. */
import type {
  CollectResult,
  FilesProgress,
  FilesUsage,
  Finding,
  GotResult,
  ImportResult,
  PinResult,
  Share,
  ShareStatus,
  ShareView,
  VerifyResult,
} from "./schema-files.ts";

export type AddWish = {
  readonly name?: string | undefined;
  readonly copiesMin: number;
  readonly copiesMax: number;
  readonly replace: boolean;
};
type Progress<Result> = AsyncIterable<FilesProgress<Result>>;

export interface FilesCalls {
  add(
    path: string,
    wish: AddWish & { readonly links: "refuse" | "keep" | "skip" },
    signal: AbortSignal,
  ): Progress<Share>;
  addStream(chunks: AsyncIterable<Uint8Array>, wish: AddWish, signal: AbortSignal): Progress<Share>;
  get(what: string, path: string, signal: AbortSignal): Progress<GotResult>;
  cat(what: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  list(): Iterable<ShareView>;
  /** Throws `NOT_FOUND`. */
  status(name: string): ShareStatus[];
  remove(name: string, force: boolean, signal: AbortSignal): Promise<void>;
  pin(what: string, signal: AbortSignal): Progress<PinResult>;
  unpin(what: string): void;
  usage(): FilesUsage;
  collect(signal: AbortSignal): Progress<CollectResult>;
  verify(signal: AbortSignal): Progress<VerifyResult>;
  exportCar(what: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  importCar(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Progress<ImportResult>;
  diagnose(what: string, signal: AbortSignal): AsyncIterable<Finding>;
}
