/**
 * Compares a namespace with the peer's slice by slice, each by one hash over the session's salt and the ids in order.
 * (Hashing every id by itself under the salt and adding up, as ranges are compared otherwise, would tell no more and cost
 * ten times as much.) A slice that differs is reconciled by lists of ids, which no collision can deceive.
 */
import { equalBytes, Writer } from "../../core/codec.ts";
import { sha256, tag } from "../../core/identity.ts";
import { limits } from "../../core/limits.ts";
import type { Bound, ReconItem, Replica } from "../../core/ports.ts";
import type { Now } from "./effects.ts";
import { violation } from "./faults.ts";
import { auditHashBytes, type Frame, saltBytes } from "./frames.ts";
import { compareBounds, endBound, laterBound, separator } from "./position.ts";
import type { Session, Shared } from "./session.ts";
import type { Task, TaskResult } from "./task.ts";

const auditTag = tag("coterie/sync/audit");

export type AuditFrame = Extract<Frame, { kind: "audit" }>;

/** First 16 bytes of SHA-256(tag, salt, ids in order). */
export function auditHash(salt: Uint8Array, items: readonly ReconItem[]): Uint8Array {
  const out = new Writer().bytes(auditTag).bytes(salt);
  for (const { id } of items) out.bytes(id);
  return sha256(out.view()).subarray(0, auditHashBytes);
}

/** The answer to an audit frame: whether the slice holds the same entries here. */
export function isSameSlice(replica: Replica, lower: Bound, asked: AuditFrame): boolean {
  const { namespace, from, to, count, salt, hash } = asked;
  const items = replica.items(namespace, laterBound(lower, from), to, count + 1);
  return items.length === count && equalBytes(auditHash(salt, items), hash);
}

export class Audit implements Task {
  readonly #shared: Shared;
  readonly #session: Session;
  readonly #namespace: string;
  readonly #salt: Uint8Array;
  #from: Bound;
  #to = endBound;
  #slices = 0;
  result: TaskResult | undefined;

  constructor(shared: Shared, session: Session, namespace: string) {
    this.#shared = shared;
    this.#session = session;
    this.#namespace = namespace;
    this.#salt = shared.audits.salt(saltBytes);
    const position = shared.audits.position(session.peer, namespace);
    this.#from = laterBound(session.lower, position ?? session.lower);
  }

  start(): void {
    this.#ask();
  }

  frame(frame: Frame, now: Now): void {
    if (frame.kind !== "audited" || frame.namespace !== this.#namespace) {
      violation("not the answer to an audit");
    }
    this.#slices++;
    const range = { from: this.#from, to: this.#to };
    this.#from = this.#to;
    const isEnd = compareBounds(this.#to, endBound) >= 0;
    const isOver = isEnd || this.#slices >= limits.syncAuditSlices || this.#session.late(now);
    if (frame.same && !isOver) return this.#ask();
    const { peer } = this.#session;
    this.#shared.audits.moved(peer, this.#namespace, isEnd ? undefined : this.#to);
    this.#shared.emit({ kind: "audited", peer, slices: this.#slices, same: frame.same });
    this.result = frame.same ? { verdict: "equal" } : { verdict: "repair", range };
  }

  #ask(): void {
    const most = limits.syncAuditEntries;
    const namespace = this.#namespace;
    const found = this.#shared.replica.items(namespace, this.#from, endBound, most + 1);
    const items = found.slice(0, most);
    const [last, after] = [items.at(-1), found[most]];
    this.#to = last === undefined || after === undefined ? endBound : separator(last, after);
    this.#session.send({
      kind: "audit",
      namespace,
      salt: this.#salt,
      from: this.#from,
      to: this.#to,
      count: items.length,
      hash: auditHash(this.#salt, items),
    });
  }
}
