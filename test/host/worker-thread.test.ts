import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, expect, test } from "vitest";
import { WorkerThread } from "../../src/host/worker-thread.ts";
import { codedError } from "../coded-error.ts";
import { temporaryFolder } from "../temporary-folder.ts";

/** Does as it is told. */
const program = `
import { parentPort } from "node:worker_threads";
let count = 0;
parentPort.on("message", (request) => {
  if (request === "spin") for (;;);
  if (request === "eat") for (const all = []; ; ) all.push(new Array(1e6).fill(all));
  if (request === "die") process.exit(3);
  if (request === "throw") throw new Error("a defect");
  if (request === "refuse") {
    parentPort.postMessage({ error: { code: "BAD_VALUE", message: "no", hint: "yes" } });
  } else parentPort.postMessage({ value: [request, ++count] });
});
`;

let thread: WorkerThread;

function started(requestMsMax = 5_000): WorkerThread {
  const file = join(mkdtempSync(join(temporaryFolder(), "thread-")), "thread.mjs");
  writeFileSync(file, program);
  thread = new WorkerThread({
    entry: pathToFileURL(file),
    heapMiBMax: 32,
    youngMiBMax: 32,
    requestMsMax,
    waitingMax: 4,
  });
  return thread;
}

afterEach(() => thread.stop());

test("requests are answered in their order, with values and coded errors", async () => {
  const { ask } = { ask: (request: string) => thread.ask(request) };
  started();
  const answers = Promise.all([ask("a"), ask("b")]);
  const refusal = await codedError(() => ask("refuse"), "BAD_VALUE");
  expect([refusal.message, refusal.hint]).toEqual(["no", "yes"]);
  expect(await answers).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
});

test.each([
  ["spin", "TIMEOUT"],
  ["eat", "TOO_LARGE"],
  ["die", "INTERNAL"],
  ["throw", "INTERNAL"],
] as const)("a request that makes it %s is lost alone, with code %s", async (request, code) => {
  const worker = started(request === "spin" ? 300 : 20_000);
  await worker.ask("before");
  const { generation } = worker;
  const lost = codedError(() => worker.ask(request), code);
  const next = worker.ask("after");
  await lost;
  expect(worker.generation).toBeGreaterThan(generation);
  // the new thread knows nothing of what the old one was told
  expect(await next).toEqual(["after", 1]);
});

test("more requests than may wait are refused, and none waits after the end", async () => {
  const worker = started();
  const waiting = Array.from({ length: 5 }, () => worker.ask("x").catch(String));
  await codedError(() => worker.ask("one too many"), "OVERLOADED");
  await worker.stop();
  const outcomes = await Promise.all(waiting);
  expect(outcomes.at(-1)).toContain("stopping");
  await codedError(() => worker.ask("late"), "SHUTTING_DOWN");
});
