/** Faults of a peer, as opposed to failures of ours or of the network: only these are charged to it. */
import { CoterieError, type ErrorCode } from "../../core/errors.ts";

const charged: readonly ErrorCode[] = ["BAD_FORMAT", "TOO_LARGE", "REFUSED"];

/** Throws `REFUSED`: the frame was well-formed and had no business here. */
export function violation(reason: string): never {
  throw new CoterieError("REFUSED", reason);
}

export function isFault(code: ErrorCode | undefined): boolean {
  return code !== undefined && charged.includes(code);
}
