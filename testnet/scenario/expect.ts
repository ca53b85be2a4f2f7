/** Looks whether an expectation holds, until it does or its time is up. */
import type { Client } from "../../src/control/client.ts";
import { toCoterieError } from "../../src/core/errors.ts";
import { partyText, waitForAgreement } from "../agreement.ts";
import { formatNodeSet } from "../node-set.ts";
import type { LiveNode } from "../nodes.ts";
import type { NodeRecord } from "../record.ts";
import { dissentsText, waitForVerdicts } from "../verdicts.ts";
import { waitUntil, type WaitOptions } from "../wait-until.ts";
import type { Books } from "../workload/books.ts";
import type { Expectation, ValueType } from "./scenario.ts";

const namespace = "default";
const options = { timeoutMs: 5_000 };
const everyMs = 200;
/** Looking for losses reads everything. */
const lossesEveryMs = 500;
const examplesMax = 3;

export type Seen = { readonly ok: boolean; readonly seen: string };

export type Sight = {
  /** Nodes that are looked at. */
  readonly on: readonly LiveNode[];
  /** Of the whole testnet. */
  readonly nodes: readonly NodeRecord[];
  readonly books: Books;
};

export function look(expectation: Expectation, sight: Sight, wait: WaitOptions): Promise<Seen> {
  if (expectation.that === "converged") return lookAtDigests(sight, wait);
  if (expectation.that === "value") return lookAtValue(expectation, sight, wait);
  if (expectation.that === "members") return lookAtMembers(expectation, sight, wait);
  return lookForLosses(sight, wait);
}

async function lookAtDigests({ on }: Sight, wait: WaitOptions): Promise<Seen> {
  const { equal, tookMs, parties } = await waitForAgreement(on, wait);
  return { ok: equal, seen: `${parties.map(partyText).join("; ")}${after(tookMs)}` };
}

async function lookAtMembers(
  { who, are }: Extract<Expectation, { that: "members" }>,
  { on, nodes }: Sight,
  wait: WaitOptions,
): Promise<Seen> {
  const about = nodes.filter(({ index }) => who.includes(index));
  const { tookMs, dissents } = await waitForVerdicts(on, about, are, wait);
  if (dissents.length > 0) return { ok: false, seen: dissentsText(dissents) };
  return { ok: true, seen: `all say so${after(tookMs)}` };
}

function after(ms: number): string {
  return ` after ${(ms / 1_000).toFixed(1)} s`;
}

type ValueExpectation = Extract<Expectation, { that: "value" }>;

/** What a node shows of a key; of a set the element, if it is in it. Rejects `NOT_FOUND` for nothing. */
const shown: Readonly<
  Record<ValueType, (client: Client, key: string, element: string) => Promise<string>>
> = {
  register: async (client, key) => {
    const { value, valueBase64 } = await client.kvGet(namespace, key, options);
    const held = value ?? valueBase64;
    return typeof held === "string" ? held : JSON.stringify(held);
  },
  counter: async (client, key) => (await client.counterGet(namespace, key, options)).value,
  set: async (client, key, element) =>
    (await client.setGet(namespace, key, element, options)).element,
  doc: async (client, key) => (await client.docGet(namespace, key, options)).text,
};

async function shownBy(client: Client, { type, key, value }: ValueExpectation): Promise<string> {
  try {
    return `"${await shown[type](client, key, value ?? "")}"`;
  } catch (error) {
    const { code } = toCoterieError(error);
    return code === "NOT_FOUND" ? "nothing" : `no answer (${code})`;
  }
}

async function lookAtValue(
  expectation: ValueExpectation,
  { on }: Sight,
  wait: WaitOptions,
): Promise<Seen> {
  const startedAt = performance.now();
  const wanted = expectation.missing ? "nothing" : `"${expectation.value}"`;
  let answers: string[] = [];
  const ok = await waitUntil(
    async () => {
      answers = await Promise.all(on.map(({ client }) => shownBy(client, expectation)));
      return answers.every((answer) => answer === wanted);
    },
    { everyMs, ...wait },
  );
  const groups = Map.groupBy(on.keys(), (at) => answers[at] ?? "");
  const texts = [...groups].map(([value, at]) => {
    const nodes = at.map((index) => on[index]!.node.index);
    return `${formatNodeSet(nodes)} ${nodes.length === 1 ? "shows" : "show"} ${value}`;
  });
  return { ok, seen: `${texts.join("; ")}${ok ? after(performance.now() - startedAt) : ""}` };
}

async function lookForLosses({ on, books }: Sight, wait: WaitOptions): Promise<Seen> {
  let lost: string[] = [];
  const ok = await waitUntil(
    async () => {
      const found = await Promise.all(
        on.map(async ({ node, client }) => {
          const losses = await books.losses(client);
          return losses.map(({ key, what }) => `on ${node.index} ${key} is ${what}`);
        }),
      );
      lost = found.flat();
      return lost.length === 0;
    },
    { everyMs: lossesEveryMs, ...wait },
  );
  const all = `${books.acknowledged} acknowledged writes on ${on.length} nodes`;
  if (ok) return { ok, seen: `all ${all}` };
  const examples = lost.slice(0, examplesMax).join("; ");
  return { ok, seen: `of ${all} ${lost.length} are not as they should be: ${examples}` };
}
