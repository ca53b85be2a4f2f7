/** Whether a testnet has found itself: every node counts all members and is connected to several. */
import type { Status } from "../src/control/schema.ts";
import type { LiveNode } from "./nodes.ts";
import { waitUntil, type WaitOptions } from "./wait-until.ts";

const connectionsEnough = 5;
/** Asking is work for daemons that have other work: of all of them together about fifty times a second. */
const everyMsMin = 200;
const everyMsPerNode = 20;
const answerMs = 5_000;

/** How long a testnet may take to find itself: all daemons share the machine, and each hears of each. */
export function wholeMs(count: number): number {
  return 60_000 + 3_000 * count;
}

export type Wholeness = {
  readonly whole: boolean;
  /** Nodes that count all members and have connections enough, by index. */
  readonly settled: readonly number[];
};

function isSettled(status: Status, count: number): boolean {
  const enough = Math.min(connectionsEnough, count - 1);
  return status.members.alive >= count && status.connections >= enough;
}

/** Resolves when all is whole or the time is up. A node that does not answer is not settled. */
export async function waitUntilWhole(
  nodes: readonly LiveNode[],
  options: WaitOptions,
  onProgress: (settled: readonly number[]) => void = () => undefined,
): Promise<Wholeness> {
  const everyMs = Math.max(everyMsMin, everyMsPerNode * nodes.length);
  let settled: number[] = [];
  const whole = await waitUntil(
    async () => {
      const answers = await Promise.allSettled(
        nodes.map(({ client }) => client.status({ timeoutMs: answerMs })),
      );
      settled = nodes.flatMap(({ node }, at) => {
        const answer = answers[at];
        const fits = answer?.status === "fulfilled" && isSettled(answer.value, nodes.length);
        return fits ? [node.index] : [];
      });
      onProgress(settled);
      return settled.length === nodes.length;
    },
    { everyMs, ...options },
  );
  return { whole, settled };
}
