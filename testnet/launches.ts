/** The daemons that one command starts. They are its own, and end with it, until it releases them. */
import { availableParallelism } from "node:os";
import type { Client } from "../src/control/client.ts";
import { waitForBreath } from "./breath.ts";
import { launch, type Launched, type LaunchOptions } from "./launch.ts";
import { entering } from "./netns/tools.ts";
import { connect, type LiveNode } from "./nodes.ts";
import { ownTicket } from "./own-ticket.ts";
import { changeNode, readRecord, type NodeRecord } from "./record.ts";

export type LaunchesOptions = Pick<LaunchOptions, "launcher" | "env"> & {
  /** Of the testnet. */
  readonly dir: string;
  /** For one daemon. */
  readonly readyMs: number;
  readonly signal: AbortSignal;
};

export class Launches {
  readonly #options: LaunchesOptions;
  readonly #launched = new Set<Launched>();

  constructor(options: LaunchesOptions) {
    this.#options = options;
  }

  /** Resolves when it is ready, with everything about it on record; when it is not to be, it is stopped. */
  async start(node: NodeRecord, ticket?: Promise<string>): Promise<LiveNode> {
    const { dir, launcher, env, readyMs, signal } = this.#options;
    signal.throwIfAborted();
    const { netns } = readRecord(dir).record;
    const within = netns === undefined ? [] : entering(netns.holder.pid, node.index);
    const launched = launch(node, { launcher, env, within, joins: ticket !== undefined });
    this.#launched.add(launched);
    changeNode(dir, node.index, { process: launched.process });
    try {
      if (ticket !== undefined) launched.join(await ticket);
      const { peerId, socketPath, addresses } = await launched.ready(readyMs, signal);
      const known = { process: launched.process, peerId, socketPath, addresses: [...addresses] };
      changeNode(dir, node.index, known);
      return connect({ ...node, ...known });
    } catch (error) {
      await this.#stop(launched);
      throw error;
    }
  }

  /** Resolves when the machine has a core for one more, or when the time is up. */
  breathe(timeoutMs: number): Promise<void> {
    return waitForBreath(timeoutMs, this.#options.signal);
  }

  async release(): Promise<void> {
    const released = [...this.#launched].map((launched) => launched.release());
    this.#launched.clear();
    await Promise.all(released);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#launched].map((launched) => this.#stop(launched)));
  }

  async #stop(launched: Launched): Promise<void> {
    this.#launched.delete(launched);
    await launched.stop();
  }
}

/**
 * From this one on a daemon starts when those before it leave it a core, or after this time. Where all start as fast as
 * they can, each new one keeps all others busy, probes come late, members suspect each other, and that is work again.
 */
const unhurriedFrom = 8;
const breathMsMax = 2_000;

/** So many load while they wait for their predecessor: enough to keep all cores busy, and no more. */
const ahead = availableParallelism() + 1;

/** A network in which each node was told of its predecessor alone. */
export async function startChain(
  launches: Launches,
  nodes: readonly NodeRecord[],
  onReady: (count: number) => void = () => undefined,
): Promise<LiveNode[]> {
  const starts: Promise<LiveNode>[] = [];
  let ready = 0;
  let ticket: Promise<string> | undefined;
  for (const [index, node] of nodes.entries()) {
    await starts[index - ahead];
    if (index >= unhurriedFrom) await launches.breathe(breathMsMax);
    const start = launches.start(node, ticket);
    starts.push(start);
    ticket = start.then(({ client }) => {
      onReady(++ready);
      return ticketOf(client);
    });
    ticket.catch(() => undefined); // whoever waits for it hears of it, and of `start` the end below
  }
  return Promise.all(starts);
}

async function ticketOf(client: Client): Promise<string> {
  const [{ ticket }, { peerId }] = await Promise.all([client.invite(), client.identity()]);
  return ownTicket(ticket, peerId);
}
