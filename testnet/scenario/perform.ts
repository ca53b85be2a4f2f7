/** Does one step. */
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { CoterieError, toCoterieError } from "../../src/core/errors.ts";
import { bareEnvironment } from "../launch.ts";
import { freshBooks, Load } from "../load.ts";
import { seeded } from "../draw.ts";
import { connect, liveNodes, stateOf, type LiveNode } from "../nodes.ts";
import { quiet } from "../quiet.ts";
import { readRecord } from "../record.ts";
import type { Call } from "../verb.ts";
import type { BookType } from "../workload/books.ts";
import { look, type Seen } from "./expect.ts";
import type { Action, Step } from "./scenario.ts";

/** The same writes in every run. */
const seed = 1;
const outputBytesMax = 1024 * 1024;

const runFile = promisify(execFile);

/** What steps leave for those after them. */
export class World {
  readonly call: Call;
  readonly dir: string;
  readonly books = freshBooks(seed);
  readonly random = seeded(seed);
  load: Load | undefined;

  constructor(call: Call, dir: string) {
    this.call = call;
    this.dir = dir;
  }

  async stopLoad(): Promise<number> {
    const { load } = this;
    this.load = undefined;
    await load?.stop();
    return load?.unacknowledged ?? 0;
  }

  /** Throws when a node is named that does not run. */
  nodes(on: readonly number[] | null): LiveNode[] {
    const { nodes } = readRecord(this.dir).record;
    if (on === null) return liveNodes(nodes);
    return on.map((index) => {
      const node = nodes[index];
      if (node !== undefined && stateOf(node) === "running") return connect(node);
      throw new CoterieError("NOT_RUNNING", `node ${index} does not run`);
    });
  }
}

type Kind<K extends Action["kind"]> = Extract<Action, { kind: K }>;

/** Any but `parallel`, whose steps are the runner's. */
export type Single = Exclude<Action, { kind: "parallel" }>;

type Doing = Pick<Step, "on" | "withinMs"> & {
  readonly world: World;
  readonly signal: AbortSignal;
};

const performers: {
  readonly [K in Single["kind"]]: (action: Kind<K>, doing: Doing) => Promise<Seen>;
} = {
  testnet: runVerb,
  exec: runCommand,
  write,
  load: changeLoad,
  wait: async ({ ms }, { signal }) => {
    await sleep(ms, undefined, { signal });
    return { ok: true, seen: "" };
  },
  expect: expectation,
};

/** Rejects, or resolves with `ok: false`, when it fails. */
export function perform(action: Single, doing: Doing): Promise<Seen> {
  const performer = performers[action.kind] as (action: Single, doing: Doing) => Promise<Seen>;
  return performer(action, doing);
}

async function runVerb({ verb, parsed }: Kind<"testnet">, { world }: Doing): Promise<Seen> {
  const { call } = world;
  const { args, values } = parsed;
  const code = await verb.run(quiet(call, { args, values }));
  return { ok: code === 0, seen: code === 0 ? "" : `exit code ${code}` };
}

type Ended = {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
};

async function runCommand(
  { words, exit, output }: Kind<"exec">,
  { on, withinMs, world, signal }: Doing,
): Promise<Seen> {
  const { launcher, io } = world.call;
  const ends = await Promise.all(
    world.nodes(on ?? [0]).map(async ({ node }): Promise<Seen> => {
      const env = { ...bareEnvironment(io.env), COTERIE_DATA_DIR: node.dataDir };
      const options = { env, signal, timeout: withinMs, maxBuffer: outputBytesMax };
      const ended = await runFile(process.execPath, [launcher, ...words], {
        ...options,
        killSignal: "SIGKILL",
      }).then(
        ({ stdout, stderr }): Ended => ({ code: 0, stdout, stderr }),
        (error: unknown): Ended => {
          signal.throwIfAborted();
          return error as Ended;
        },
      );
      const { code, stdout, stderr } = ended;
      const said = (code === 0 ? stdout : stderr).trimEnd();
      const seen = `node ${node.index}: exit code ${code ?? "none (too late)"}: ${said}`;
      return { ok: code === exit && (output === null || output === stdout.trimEnd()), seen };
    }),
  );
  const wrong = ends.filter(({ ok }) => !ok);
  return { ok: wrong.length === 0, seen: wrong.map(({ seen }) => seen).join("; ") };
}

/** The nodes take turns; each makes one write at a time. */
async function write(
  { type, count }: Kind<"write">,
  { on, withinMs, world, signal }: Doing,
): Promise<Seen> {
  const nodes = world.nodes(on);
  const deadline = performance.now() + withinMs;
  const only: BookType | undefined = type === "all" ? undefined : type;
  let written = 0;
  const failures = await Promise.all(
    nodes.map(async ({ node, client }, at): Promise<string[]> => {
      for (let turn = at; turn < count; turn += nodes.length) {
        const timeoutMs = deadline - performance.now();
        if (timeoutMs <= 0) return [`node ${node.index} has not written all in time`];
        const options = { timeoutMs, signal };
        const by = { client, index: node.index, random: world.random, options };
        try {
          await world.books.write(by, only);
        } catch (error) {
          signal.throwIfAborted();
          return [`node ${node.index}: ${toCoterieError(error).message}`];
        }
        written++;
      }
      return [];
    }),
  );
  const reasons = failures.flat();
  const seen = [`${written} acknowledged`, ...reasons].join("; ");
  return { ok: reasons.length === 0 && nodes.length > 0, seen };
}

async function changeLoad({ load }: Kind<"load">, { world }: Doing): Promise<Seen> {
  const running = world.load !== undefined;
  if (load === "start") {
    if (running) return { ok: false, seen: "it runs already" };
    world.load = new Load(world.dir, seed, world.books);
    return { ok: true, seen: "" };
  }
  if (!running) return { ok: false, seen: "none runs" };
  const unacknowledged = await world.stopLoad();
  const { acknowledged } = world.books;
  return { ok: true, seen: `${acknowledged} writes acknowledged, ${unacknowledged} not` };
}

async function expectation(
  { expectation: wanted }: Kind<"expect">,
  { on, withinMs, world, signal }: Doing,
): Promise<Seen> {
  if (wanted.that === "nothing lost" && world.load !== undefined) {
    return { ok: false, seen: "the load still runs: stop it first" };
  }
  const looking = world.nodes(on);
  if (looking.length === 0) return { ok: false, seen: "no node runs" };
  const { nodes } = readRecord(world.dir).record;
  const sight = { on: looking, nodes, books: world.books };
  return look(wanted, sight, { timeoutMs: withinMs, signal });
}
