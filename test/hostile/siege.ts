/** Honest nodes that write while nine in ten of their neighbours attack them, and what came of it. */
import { Arena, type Attack, type ArenaOptions } from "./arena.ts";
import * as content from "./content-attacks.ts";
import { MemoryCurve } from "./memory-curve.ts";
import { register } from "../state/fixture.ts";
import * as protocol from "./protocol-attacks.ts";

export type SiegeOptions = Pick<ArenaOptions, "folder" | "seed" | "each"> & {
  readonly forMs: number;
  /** Deletions, and authors, of each attacker that makes them. */
  readonly tombstones: number;
  readonly authors: number;
};

export type SiegeReport = {
  readonly arena: Arena;
  readonly curve: MemoryCurve;
  /** From the end of the writes until all honest digests were equal. */
  readonly equalMs: number;
  /** Longest work of one timer at an honest node. */
  readonly longestMs: number;
  readonly written: readonly string[];
};

export const honestNodes = 2;

export function attacksOf({ tombstones, authors }: SiegeOptions): Attack[] {
  return [
    content.equivocation,
    content.badLeaf,
    content.contexts,
    content.epochsAndRanges,
    content.siblings,
    content.times,
    content.grinding,
    content.wrongPaths,
    content.replay,
    content.tombstones(tombstones),
    content.mintedAuthors(authors),
    content.stolenCard,
    content.wrongBodies,
    content.junkEntries,
    protocol.emptyClaims,
    protocol.silence,
    protocol.slowness,
    protocol.unasked,
    protocol.garbage,
  ];
}

/** Throws when the honest nodes do not become equal. The caller ends the arena. */
export async function siege(options: SiegeOptions): Promise<SiegeReport> {
  const attacks = attacksOf(options);
  const arena = new Arena({ ...options, honest: honestNodes, attacks });
  const curve = new MemoryCurve(Math.max(50, options.forMs / 200));
  arena.connect();
  const stop = AbortSignal.timeout(options.forMs);
  const writing = writeHonestly(arena, stop);
  await arena.attack(options.forMs);
  const written = await writing;
  const beganMs = performance.now();
  await arena.untilEqual(30_000);
  curve.stop();
  const equalMs = performance.now() - beganMs;
  const longestMs = Math.max(...arena.honest.map(({ clock }) => clock.longestMs));
  return { arena, curve, equalMs, longestMs, written };
}

async function writeHonestly(arena: Arena, stop: AbortSignal): Promise<string[]> {
  const written: string[] = [];
  for (let round = 0; !stop.aborted; round++) {
    for (const { driver, name } of arena.honest) {
      const keys = Array.from(
        { length: round % 8 === 0 ? 60 : 1 },
        (_, at) => `${name} ${round} ${at}`,
      );
      await driver.write(
        "default",
        keys.map((key) => register(key, key)),
      );
      written.push(...keys);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return written;
}
