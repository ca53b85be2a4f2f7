/**
 * Who is connected with whom, as far as this is known without running a DHT: members come one after the other, and each
 * dials members drawn at random, as the walks of src/host/net/discovery.ts name them, until it has as many connections
 * as are wanted. Those who came early are dialled by those who came late, up to the most that a node takes.
 */
import type { Prng } from "../prng.ts";

export type GraphOptions = { readonly wanted: number; readonly max: number };

/** Pairs, the one that dialled first. */
export function randomGraph(
  nodes: number,
  { wanted, max }: GraphOptions,
  prng: Prng,
): [number, number][] {
  const edges: [number, number][] = [];
  const degrees = new Uint32Array(nodes);
  for (let dialler = 1; dialler < nodes; dialler++) {
    for (const other of drawn(dialler, wanted, (at) => degrees[at]! < max, prng)) {
      edges.push([dialler, other]);
      degrees[dialler]!++;
      degrees[other]!++;
    }
  }
  return edges;
}

/** Up to `count` different ones of those below `end` that take one more. */
function drawn(
  end: number,
  count: number,
  takes: (node: number) => boolean,
  prng: Prng,
): Set<number> {
  const chosen = new Set<number>();
  if (end <= count) {
    for (let node = 0; node < end; node++) if (takes(node)) chosen.add(node);
    return chosen;
  }
  for (let tries = 0; chosen.size < count && tries < 20 * count; tries++) {
    const node = prng.below(end);
    if (takes(node)) chosen.add(node);
  }
  return chosen;
}
