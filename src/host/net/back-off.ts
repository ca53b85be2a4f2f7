/** How long to wait before the next try at a peer: doubling, jittered, capped low at first and high later; never for ever. */
import { limits } from "../../core/limits.ts";
import type { Random } from "../../core/ports.ts";

export type BackOffFacts = {
  readonly failures: number;
  /** How long ago the peer was lost. */
  readonly lostForMs: number;
  /** True while no peer at all is connected. */
  readonly alone: boolean;
};

export function backOffMs(facts: BackOffFacts, random: Random): number {
  const grown = limits.redialBackoffFirstMs * 2 ** Math.min(facts.failures, 20);
  return Math.min(capMs(facts), grown) * (0.5 + random.float() / 2);
}

function capMs(facts: BackOffFacts): number {
  if (facts.lostForMs < limits.redialSoonForMs) return limits.redialBackoffSoonMs;
  return facts.alone ? limits.redialBackoffAloneMs : limits.redialBackoffLateMs;
}
