/** The same file to four at once, and from three of whom one is killed and one lies half way. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "../../src/core/codec.ts";
import { systemRandom } from "../../src/host/random.ts";
import type { Benchmark, Figure } from "./report.ts";
import { sizeMiB, start, type Calls } from "./transfer.ts";

const MiB = 1024 * 1024;
const receivers = 4;

class Group {
  readonly #folder = mkdtempSync(join(tmpdir(), "coterie-bench-"));
  readonly #secret = toHex(systemRandom.bytes(32));
  readonly #children: ChildProcess[] = [];

  join(role: string): { peer: Calls; pid: number } {
    const { child, peer } = start(this.#folder, role);
    this.#children.push(child);
    return { peer, pid: child.pid! };
  }

  send(peer: Calls): Promise<{ addresses: string[]; root: string }> {
    return peer.start(this.#secret, sizeMiB * MiB);
  }

  async receive(peer: Calls, senders: readonly { addresses: string[] }[]): Promise<void> {
    await peer.start(this.#secret, 0);
    for (const { addresses } of senders) await peer.connect(addresses);
  }

  end(): void {
    for (const child of this.#children) child.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** MiB/s that all of them together took in. */
async function toMany(): Promise<number> {
  const group = new Group();
  try {
    const { peer: sender } = group.join("sender");
    const sent = await group.send(sender);
    const peers = Array.from({ length: receivers }, (_, at) => group.join(`receiver-${at}`).peer);
    for (const peer of peers) await group.receive(peer, [sent]);
    const took = await Promise.all(peers.map((peer) => peer.fetchFromAll(sent.root)));
    return (receivers * sizeMiB * 1_000) / Math.max(...took.map(({ ms }) => ms));
  } finally {
    group.end();
  }
}

async function fromThree(): Promise<number> {
  const group = new Group();
  try {
    const honest = group.join("sender");
    const sent = [await group.send(honest.peer)];
    const killed = group.join("sender");
    sent.push(await group.send(killed.peer));
    const liar = group.join("liar");
    sent.push(await group.send(liar.peer));
    const { peer } = group.join("receiver");
    await group.receive(peer, sent);
    const { ms, charged } = await peer.fetchFromAll(sent[0]!.root, killed.pid);
    const expected = await liar.peer.name();
    if (charged.join() !== expected) throw new Error(`charged: ${charged.join()}, not ${expected}`);
    return (sizeMiB * 1_000) / ms;
  } finally {
    group.end();
  }
}

async function measure(runs: number, say: (what: string) => void): Promise<readonly Figure[]> {
  const many: number[] = [];
  const three: number[] = [];
  for (let index = 0; index < runs; index++) {
    many.push(await toMany());
    say(`to ${receivers} at once: ${many.at(-1)!.toFixed(0)} MiB/s together, byte-equal`);
    three.push(await fromThree());
    say(`from three, one killed, one lying: ${three.at(-1)!.toFixed(0)} MiB/s, byte-equal`);
  }
  return [
    { what: `to ${receivers} at once, together, byte-equal`, unit: "MiB/s", values: many },
    {
      what: "from 3, one killed and one lying half way, byte-equal",
      unit: "MiB/s",
      values: three,
    },
  ];
}

export const transferMany: Benchmark = {
  name: "transfer-many",
  about: `a random file of ${sizeMiB} MiB to several, and from several who fail`,
  run: measure,
};
