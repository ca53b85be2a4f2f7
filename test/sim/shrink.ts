/** The smallest plan found that still breaks something: faults are left out first, then nodes, then operations. */
import type { Fault, Operation, Plan } from "./plan.ts";

type Breaks = (plan: Plan) => Promise<boolean>;

/** Runs of the simulator. */
const triesUsual = 150;

export async function shrink(plan: Plan, breaks: Breaks, triesMax = triesUsual): Promise<Plan> {
  let tries = 0;
  const stillBreaks: Breaks = async (smaller) => tries++ < triesMax && breaks(smaller);
  let best = plan;
  best = await without(best, best.faults, (faults) => ({ ...best, faults }), stillBreaks);
  while (best.nodes > 2) {
    const smaller = withoutLastNode(best);
    if (!(await stillBreaks(smaller))) break;
    best = smaller;
  }
  return without(best, best.operations, (operations) => ({ ...best, operations }), stillBreaks);
}

/** Leaves out parts, the large ones first (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002). */
async function without<T>(
  plan: Plan,
  parts: readonly T[],
  planOf: (parts: readonly T[]) => Plan,
  breaks: Breaks,
): Promise<Plan> {
  let left = parts;
  let best = plan;
  for (
    let size = Math.ceil(left.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < left.length;) {
      const fewer = left.toSpliced(at, size);
      const smaller = planOf(fewer);
      if (await breaks(smaller)) [left, best] = [fewer, smaller];
      else at += size;
    }
  }
  return best;
}

function withoutLastNode(plan: Plan): Plan {
  const nodes = plan.nodes - 1;
  const remains = (node: number): boolean => node < nodes;
  const faults = plan.faults.flatMap((fault): Fault[] => {
    if ("pairs" in fault) {
      const pairs = fault.pairs.filter(([from, to]) => remains(from) && remains(to));
      return pairs.length === 0 ? [] : [{ ...fault, pairs }];
    }
    return remains("node" in fault ? fault.node : fault.target) ? [fault] : [];
  });
  const operations = plan.operations.filter(({ node }: Operation) => remains(node));
  const newer = plan.newer.filter(remains);
  return { ...plan, nodes, faults, operations, newer };
}
