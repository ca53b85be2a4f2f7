/** Does the steps of a scenario one after the other, until one fails. */
import { toCoterieError } from "../../src/core/errors.ts";
import type { Seen } from "./expect.ts";
import type { StepResult } from "./history.ts";
import { perform, type Single, type World } from "./perform.ts";
import type { Step } from "./scenario.ts";

export type StepsOptions = {
  readonly world: World;
  /** On the clock of `performance.now`. */
  readonly startedAt: number;
  /** Ends the step that is under way. */
  readonly signal: AbortSignal;
  /** After each step, those that run at once included. */
  readonly onDone: (result: StepResult) => Promise<void>;
};

export async function runSteps(
  steps: readonly Step[],
  options: StepsOptions,
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const step of steps) {
    const { action } = step;
    const done =
      action.kind === "parallel"
        ? await Promise.all(
            action.steps.map((each) => runStep(each, each.action as Single, options)),
          )
        : [await runStep(step, action, options)];
    results.push(...done);
    if (done.some(({ ok }) => !ok)) break;
  }
  return results;
}

async function runStep(step: Step, action: Single, options: StepsOptions): Promise<StepResult> {
  const { world, startedAt, signal, onDone } = options;
  const now = (): number => Math.round(performance.now() - startedAt);
  const fromMs = now();
  const { line, text, on, withinMs } = step;
  const doing = { on, withinMs, world, signal };
  const { ok, seen } = await unlessAborted(perform(action, doing), signal).catch(
    (error: unknown): Seen => {
      const { message } = toCoterieError(signal.aborted ? signal.reason : error);
      return { ok: false, seen: message };
    },
  );
  const result = { line, kind: action.kind, text, fromMs, toMs: now(), ok, seen };
  await onDone(result);
  return result;
}

/** Verbs know no signal: what one goes on with after it is ended by the testnet's end. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: never, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    return await Promise.race([work, never]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
