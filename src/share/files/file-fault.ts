/** Failures of the file system as coded errors that name the path. */
import { CoterieError, type ErrorCode } from "../../core/errors.ts";

const known: Readonly<Record<string, { readonly code?: ErrorCode; readonly why: string }>> = {
  EACCES: { why: "permission denied" },
  EPERM: { why: "not permitted" },
  EROFS: { code: "STORE_READ_ONLY", why: "the file system is read-only" },
  ENOSPC: { code: "STORE_FULL", why: "the disk is full" },
  EDQUOT: { code: "STORE_FULL", why: "the disk quota is used up" },
  EFBIG: { code: "STORE_FULL", why: "the file system takes no file of that size" },
  ENOENT: { why: "there is no such file or folder" },
  ENOTDIR: { why: "a part of its path is not a folder" },
  EISDIR: { why: "it is a folder" },
  EEXIST: { why: "it is there already" },
  ELOOP: { why: "a symbolic link stands where none may" },
  ENAMETOOLONG: { why: "its name is too long for the file system" },
  EMFILE: { why: "too many files are open" },
};

export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** Such as `cannot read "a/b": permission denied`, under the given code unless the disk is to blame. */
export function fileFault(verb: string, path: string, cause: unknown, code: ErrorCode) {
  if (cause instanceof CoterieError) return cause;
  const fact = known[errnoOf(cause) ?? ""];
  const why = fact?.why ?? (cause instanceof Error ? cause.message : String(cause));
  const message = `cannot ${verb} ${JSON.stringify(path)}: ${why}`;
  return new CoterieError(fact?.code ?? code, message, { cause });
}
