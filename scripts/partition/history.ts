/**
 * What was written to a testnet, by whom, and what each writer knew: the input of the judges. An operation is known to
 * a node that was acknowledged it, read it, or agreed with a node that knew it; nothing else is taken for granted.
 * No stamp of a daemon is read: order is program order, agreement, and what was read.
 */
export type Op = {
  /** Also what it writes. */
  readonly id: string;
  readonly node: number;
  /** Type and key, and of a set the element. */
  readonly subject: string;
  readonly deletes: boolean;
  /** Of a counter. */
  readonly by: number;
  /** Of a document: the insertion whose text it takes away. */
  readonly removes: Op | undefined;
  readonly startedAt: number;
  /** Infinity without an answer: it may still happen. */
  endedAt: number;
  acked: boolean;
  /** Operations on the subject that its node had surely seen. */
  readonly knows: ReadonlySet<Op>;
  /** Who could hear whom at the time, at most. */
  readonly hears: Hears;
};

/** Whether what `from` writes may reach `to`, over any path. */
export type Hears = (to: number, from: number) => boolean;

export type OpOptions = {
  readonly id?: string;
  readonly deletes?: boolean;
  readonly by?: number;
  readonly removes?: Op;
};

const everybody: Hears = () => true;

export class History {
  readonly #ops: Op[] = [];
  readonly #byId = new Map<string, Op>();
  readonly #bySubject = new Map<string, Op[]>();
  /** By node and subject. */
  readonly #known = new Map<number, Map<string, Set<Op>>>();
  readonly #now: () => number;
  #hears = everybody;
  #count = 0;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get acknowledged(): number {
    return this.#ops.filter(({ acked }) => acked).length;
  }

  get unanswered(): number {
    return this.#ops.length - this.acknowledged;
  }

  get subjects(): string[] {
    return [...this.#bySubject.keys()];
  }

  on(subject: string): readonly Op[] {
    return this.#bySubject.get(subject) ?? [];
  }

  byId(id: string): Op | undefined {
    return this.#byId.get(id);
  }

  /** Holds for what begins from now on. */
  cut(hears: Hears): void {
    this.#hears = hears;
  }

  nextId(node: number): string {
    return `${node}.${this.#count++}`;
  }

  /** It may happen from now on. */
  begin(node: number, subject: string, options: OpOptions = {}): Op {
    const { id = this.nextId(node), deletes = false, by = 0, removes } = options;
    const op: Op = {
      id,
      node,
      subject,
      deletes,
      by,
      removes,
      startedAt: this.#now(),
      endedAt: Infinity,
      acked: false,
      knows: new Set(this.#knownTo(node, subject)),
      hears: this.#hears,
    };
    this.#ops.push(op);
    this.#byId.set(id, op);
    const same = this.#bySubject.get(subject) ?? [];
    same.push(op);
    this.#bySubject.set(subject, same);
    return op;
  }

  ack(op: Op): void {
    op.acked = true;
    op.endedAt = this.#now();
    this.#knownTo(op.node, op.subject).add(op);
  }

  /** The node was seen to show what the operation wrote. */
  saw(node: number, op: Op): void {
    const known = this.#knownTo(node, op.subject);
    known.add(op);
    for (const before of op.knows) known.add(before);
  }

  /** The nodes had equal states while none of them wrote. */
  agreed(nodes: readonly number[]): void {
    for (const subject of this.subjects) {
      const all = new Set<Op>();
      for (const node of nodes) {
        for (const op of this.#known.get(node)?.get(subject) ?? []) all.add(op);
      }
      if (all.size === 0) continue;
      for (const node of nodes) this.#subjects(node).set(subject, new Set(all));
    }
  }

  #subjects(node: number): Map<string, Set<Op>> {
    const found = this.#known.get(node) ?? new Map<string, Set<Op>>();
    this.#known.set(node, found);
    return found;
  }

  #knownTo(node: number, subject: string): Set<Op> {
    const subjects = this.#subjects(node);
    const found = subjects.get(subject) ?? new Set();
    subjects.set(subject, found);
    return found;
  }
}

/** Whether `later` may have been made by a node that had seen `earlier`. */
export function couldSee(later: Op, earlier: Op): boolean {
  if (later.knows.has(earlier)) return true;
  if (later === earlier || earlier.startedAt >= later.endedAt) return false;
  // what was not answered may have happened after the cut, and between two cuts everybody hears everybody
  if (!later.acked || later.hears !== earlier.hears) return true;
  return later.hears(later.node, earlier.node);
}
