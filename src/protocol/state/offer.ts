/** Deciding about a bundle from its bytes and the time, without touching the store. */
import { CoterieError } from "../../core/errors.ts";
import type { IngestResult, PeerName } from "../../core/ports.ts";
import { acceptBundle, type AcceptedBundle } from "./bundle.ts";
import type { Quarantine } from "./quarantine.ts";
import { stampLimit } from "./stamp.ts";

/** What is made of a bundle; `accepted` is what may be applied of it. */
export type Offer = {
  readonly result: IngestResult;
  readonly accepted: AcceptedBundle | undefined;
};

export const nothing = {
  applied: 0,
  known: 0,
  quarantined: 0,
  refused: 0,
  invalid: false,
} as const;

/** What lies in the future is held back. */
export function judgeOffer(
  bundle: Uint8Array,
  from: PeerName,
  at: { readonly network: Uint8Array; readonly wallMs: number; readonly held: Quarantine },
): Offer {
  let accepted: AcceptedBundle;
  try {
    accepted = acceptBundle(bundle, at.network);
  } catch (error) {
    if (error instanceof CoterieError && error.code === "BAD_FORMAT") {
      const result = { ...nothing, refused: 1, reason: error.message, invalid: true };
      return { result, accepted: undefined };
    }
    throw error;
  }
  const [reason] = accepted.refusals;
  const result = {
    ...nothing,
    refused: accepted.refusals.length,
    ...(reason === undefined ? {} : { reason, invalid: true }),
  };
  if (accepted.entries.length === 0) return { result, accepted: undefined };
  if (accepted.header.stamp > stampLimit(at.wallMs)) {
    const held = at.held.hold(accepted, bundle, from);
    const outcome = held
      ? { ...result, quarantined: accepted.entries.length }
      : notNow(result, accepted, "from the future, and the quarantine is full");
    return { result: outcome, accepted: undefined };
  }
  return { result, accepted };
}

/** There is no room for its entries: no fault of theirs, and they may be offered again. */
export function notNow(
  result: IngestResult,
  accepted: AcceptedBundle,
  reason: string,
): IngestResult {
  const refused = result.refused + accepted.entries.length;
  return { ...result, refused, reason: result.reason ?? reason };
}
