/** What every node of a testnet says of every other, as it says it. */
import type { LiveNode } from "../../testnet/nodes.ts";

export type Verdict = {
  /** `performance.now()` when it was read. */
  readonly atMs: number;
  readonly by: string;
  readonly of: string;
  readonly status: string;
};

export class Witnesses {
  readonly #latest = new Map<string, Map<string, string>>();
  readonly #ends = new Map<string, AbortController>();
  readonly #changes: Verdict[] = [];
  #wake = Promise.withResolvers<void>();

  /** Listens to these as well; to one that is listened to already, anew. */
  listen(nodes: readonly LiveNode[]): void {
    for (const node of nodes) {
      this.#ends.get(node.node.name)?.abort();
      const end = new AbortController();
      this.#ends.set(node.node.name, end);
      this.#latest.set(node.node.name, new Map());
      void this.#follow(node, end.signal);
    }
  }

  close(): void {
    for (const end of this.#ends.values()) end.abort();
  }

  /** All changes of status read since this time. */
  since(atMs: number): readonly Verdict[] {
    return this.#changes.filter((verdict) => verdict.atMs >= atMs);
  }

  /** What `by` said last of `of`. */
  says(by: string, of: string): string | undefined {
    return this.#latest.get(by)?.get(of);
  }

  /** Resolves with the time at which `holds` became true, judged at each change; rejects after `timeoutMs`. */
  async until(what: string, timeoutMs: number, holds: () => boolean): Promise<number> {
    const late = setTimeout(() => this.#wake.resolve(), timeoutMs);
    const deadline = performance.now() + timeoutMs;
    try {
      while (!holds()) {
        if (performance.now() >= deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
        await this.#wake.promise;
      }
      return performance.now();
    } finally {
      clearTimeout(late);
    }
  }

  async #follow({ node, client }: LiveNode, signal: AbortSignal): Promise<void> {
    try {
      for await (const { name, peerId, status } of client.membersWatch({ signal })) {
        const latest = this.#latest.get(node.name);
        const of = name ?? peerId;
        if (latest === undefined || latest.get(of) === status) continue;
        latest.set(of, status);
        this.#changes.push({ atMs: performance.now(), by: node.name, of, status });
        this.#wake.resolve();
        this.#wake = Promise.withResolvers();
      }
    } catch (error) {
      // A node that is killed ends its stream; whether that was meant, the measure knows from its verdicts.
      if (!signal.aborted) process.stderr.write(`${node.name}: ${String(error)}\n`);
    }
  }
}
