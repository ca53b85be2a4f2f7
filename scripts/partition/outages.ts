/** What else happens to nodes inside a partition: killed with -9 and started again, or paused for a while. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Field } from "./field.ts";

export const outageKinds = ["kill", "pause", "kill and pause"] as const;
export type Outage = (typeof outageKinds)[number];

const commands = { kill: ["kill", "start"], pause: ["pause", "resume"] } as const;

/** Each hits one node, from a fifth of the time on for two fifths of it; the two of `kill and pause` overlap. */
export async function strike(
  field: Field,
  outage: Outage,
  forMs: number,
  random: () => number,
): Promise<void> {
  const { nodes } = field.record();
  const first = Math.floor(random() * nodes.length);
  const second = (first + 1 + Math.floor(random() * (nodes.length - 1))) % nodes.length;
  const hit = async (verbs: readonly [string, string], node: number): Promise<void> => {
    await sleep(forMs * (0.1 + random() * 0.2));
    await field.run(verbs[0], String(node));
    await sleep(forMs * 0.4);
    await field.run(verbs[1], String(node));
  };
  await Promise.all([
    ...(outage === "pause" ? [] : [hit(commands.kill, first)]),
    ...(outage === "kill" ? [] : [hit(commands.pause, second)]),
  ]);
}
