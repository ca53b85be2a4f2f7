/**
 * One round: all agree, the network is cut, everybody writes everything, the network is healed; then the time until
 * all exports are equal, and what the judge says of them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { CoterieError } from "../../src/core/errors.ts";
import { waitForAgreement } from "../../testnet/agreement.ts";
import type { LiveNode } from "../../testnet/nodes.ts";
import { exportOf, type Export } from "./content.ts";
import type { Field } from "./field.ts";
import { History } from "./history.ts";
import { judge, type Finding } from "./judge.ts";
import type { Plan } from "./kinds.ts";
import { strike, type Outage } from "./outages.ts";
import { Writers } from "./writers.ts";

const agreeMs = 60_000;
const sideAgreesMs = 5_000;
/** A cut that comes and goes: so often, and away for this part of the time. */
const flaps = 4;
const flapAway = 0.3;

export type RoundOptions = {
  readonly field: Field;
  readonly namespace: string;
  /** Keys of the round begin so. */
  readonly prefix: string;
  readonly plan: Plan;
  readonly outage: Outage | undefined;
  readonly forMs: number;
  /** On each side. */
  readonly writes: number;
  readonly random: () => number;
  /** See Writers. */
  readonly plain?: boolean;
  /** `testnet heal`, however it is to be run. */
  readonly heal: () => Promise<void>;
};

export type Round = {
  readonly plan: Plan;
  readonly outage: Outage | undefined;
  /** From the start of the heal command until all nodes were seen to export the same; null if they never did. */
  readonly equalMs: number | null;
  /** Of it: the command, and then until digests were equal. */
  readonly healMs: number;
  readonly digestsMs: number;
  readonly acknowledged: number;
  readonly unanswered: number;
  /** Keys, elements and texts that were judged, on each node. */
  readonly subjects: number;
  readonly findings: readonly Finding[];
  /** To look once more at the end of all rounds. */
  readonly check: () => Promise<Finding[]>;
};

/** Throws when the nodes do not agree before the cut. */
export async function runRound(options: RoundOptions): Promise<Round> {
  const { field, namespace, prefix, plan, outage, random, plain = false } = options;
  const history = new History();
  const writers = new Writers({ field, history, namespace, prefix, random, plain });
  const nodes = field.live();
  if (!plain) await writers.prepare(nodes);
  const { equal } = await waitForAgreement(nodes, { timeoutMs: agreeMs, everyMs: 100 });
  if (!equal) throw new Error(`no agreement within ${agreeMs / 1_000} s before a cut`);
  history.agreed(nodes.map(({ node }) => node.index));
  await field.run("partition", ...plan.words);
  history.cut(plan.hears);
  await writeWhileCut(options, history, writers);
  const healed = await healAndWait(options);
  const check = (): Promise<Finding[]> => judgeAll(options, history, writers);
  const findings = healed.exports.flatMap(({ content }) => judge(history, content, writers.groups));
  const { acknowledged, unanswered, subjects } = history;
  const { equalMs, healMs, digestsMs } = healed;
  const counts = { acknowledged, unanswered, subjects: subjects.length };
  return { plan, outage, equalMs, healMs, digestsMs, ...counts, findings, check };
}

/** In two halves; between them each side agrees, if it can, so that what it had seen by then is sure. */
async function writeWhileCut(
  options: RoundOptions,
  history: History,
  writers: Writers,
): Promise<void> {
  const { field, plan, outage, forMs, writes, random } = options;
  const until = AbortSignal.timeout(4 * forMs + agreeMs);
  const half = (): Promise<unknown> =>
    Promise.all(
      plan.sides.flatMap((side) =>
        side.map((node) => writers.write(node, writes / side.length / 2, forMs / 2, until)),
      ),
    );
  const halves = async (): Promise<void> => {
    await half();
    if (!plan.flaps) await learn(field, plan, history);
    await half();
  };
  await Promise.all([
    halves(),
    outage === undefined ? undefined : strike(field, outage, forMs, random),
    plan.flaps ? flap(field, plan, forMs) : undefined,
  ]);
}

async function learn(field: Field, { sides }: Plan, history: History): Promise<void> {
  const live = field.live();
  await Promise.all(
    sides.map(async (side) => {
      const nodes = live.filter(({ node }) => side.includes(node.index));
      if (nodes.length === 0) return;
      const { equal } = await waitForAgreement(nodes, { timeoutMs: sideAgreesMs, everyMs: 100 });
      if (equal) history.agreed(nodes.map(({ node }) => node.index));
    }),
  );
}

async function flap(field: Field, { words }: Plan, forMs: number): Promise<void> {
  for (let times = 0; times < flaps; times++) {
    await sleep((forMs / flaps) * (1 - flapAway));
    await tellMost(field, "heal");
    await sleep((forMs / flaps) * flapAway);
    await tellMost(field, "partition", ...words);
  }
}

/** A node that is killed or starts at that moment does not hear of it, and learns it when it is up. */
async function tellMost(field: Field, verb: string, ...words: readonly string[]): Promise<void> {
  try {
    await field.run(verb, ...words);
  } catch (error) {
    if (!(error instanceof CoterieError) || error.code !== "PARTIAL") throw error;
  }
}

type Healed = {
  readonly equalMs: number | null;
  readonly healMs: number;
  readonly digestsMs: number;
  /** One when all are equal, else that of each node. */
  readonly exports: readonly Export[];
};

async function healAndWait(options: RoundOptions): Promise<Healed> {
  const startedAt = performance.now();
  const sinceMs = (): number => performance.now() - startedAt;
  await options.heal();
  const healMs = sinceMs();
  const nodes = options.field.live();
  for (;;) {
    const timeoutMs = Math.max(0, agreeMs - sinceMs());
    const { equal } = await waitForAgreement(nodes, { timeoutMs });
    const digestsMs = sinceMs();
    const exports = await exportsOf(nodes, options);
    const same = exports.every(({ text }) => text === exports[0]?.text);
    if (equal && same)
      return { equalMs: sinceMs(), healMs, digestsMs, exports: exports.slice(0, 1) };
    if (sinceMs() > agreeMs) return { equalMs: null, healMs, digestsMs, exports };
  }
}

function exportsOf(
  nodes: readonly LiveNode[],
  { namespace, prefix }: RoundOptions,
): Promise<Export[]> {
  return Promise.all(nodes.map(({ client }) => exportOf(client, namespace, prefix)));
}

async function judgeAll(
  options: RoundOptions,
  history: History,
  writers: Writers,
): Promise<Finding[]> {
  const exports = await exportsOf(options.field.live(), options);
  return exports.flatMap(({ content }) => judge(history, content, writers.groups));
}
