/**
 * One transaction's look-out for writers that forked. What it finds of others becomes a proof; what it finds of this node's
 * own writer makes it go on under a new nonce, close the old one, and write again what was lost by it. All of it is noted
 * in the same transaction (duties.ts). An old header of this node's own that somebody sends again is known, and no cause.
 */
import { bytesName, concatBytes, encodeUtf8, equalBytes } from "../../core/codec.ts";
import { nonceBytes } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { Random, StoreWriter } from "../../core/ports.ts";
import { readArrival } from "./arrivals.ts";
import { decodeBundle, type AcceptedBundle, type PlacedEntry } from "./bundle.ts";
import { closedWriter, closing, closingKey } from "./closing.ts";
import { addDuties, type Duty } from "./duties.ts";
import { classes, decodeEntry, encodeEntry, type Entry } from "./entry.ts";
import {
  authorOfWriter,
  forkedWriter,
  forkKey,
  forkKeys,
  forkProof,
  type Signed,
} from "./fork-proof.ts";
import { headerHash } from "./header.ts";
import { hasRivals, rivalsOf, type Rival } from "./headers-index.ts";
import { hasBody } from "./intent.ts";
import type { Applied } from "./live-set.ts";
import { liveRows, type LiveRow } from "./live-rows.ts";
import { lostOf, type Loser } from "./lost.ts";
import { metaKeys } from "./meta.ts";
import { itemsWithin } from "./order-pages.ts";
import type { OwnWriter } from "./own-writer.ts";
import { orderOf, prefixEnd, typePrefix, type Subject } from "./rows.ts";
import { supersedes } from "./supersede.ts";

const sys = "sys";
const registerType = "register";
/** Live entries of a key among which the one is looked for that an entry lost to. */
const winnersMax = 10_000;
const waitingBytesMax = 1024 * 1024;

/** What is kept between transactions. */
export type ForkMemory = {
  /** Contributions of this node's own that an entry superseded whose writer cannot have seen them, if it was honest. */
  waiting: readonly Duty[];
  /** Writers about whom a proof was looked for. */
  readonly proven: Set<string>;
};

export type Findings = {
  /** The new one. */
  readonly nonce: Uint8Array | undefined;
  readonly duties: readonly Duty[];
  readonly waiting: readonly Duty[];
  readonly proven: readonly string[];
};

export class ForkWatch {
  readonly #tx: StoreWriter;
  readonly #own: OwnWriter;
  readonly #memory: ForkMemory;
  readonly #lost: { readonly duty: Duty; readonly writer: Uint8Array }[];
  readonly #duties: Duty[] = [];
  readonly #proofs: Duty[] = [];
  readonly #proven: string[] = [];
  readonly #before: AcceptedBundle[] = [];
  #isLooking = false;
  #forked = false;

  constructor(tx: StoreWriter, own: OwnWriter, memory: ForkMemory) {
    this.#tx = tx;
    this.#own = own;
    this.#memory = memory;
    this.#lost = memory.waiting.map((duty) => ({ duty, writer: own.bytes }));
  }

  /** Before a bundle is applied. */
  look(signed: AcceptedBundle): void {
    this.#isLooking = true;
    if (this.#own.isAuthor(signed.header.author) && this.#own.isForeign(this.#tx, signed)) {
      this.#own.noteForeign(signed);
      this.#forked ||= this.#own.is(signed.writer);
      for (const placed of signed.entries) this.#lookAtLoser(signed, placed);
    }
    if (signed.header.namespace !== sys) return;
    for (const { entry } of signed.entries) {
      const accused = forkedWriter(entry.key);
      const writer = accused ?? closedWriter(entry.key);
      if (writer === undefined || !this.#own.isAuthor(authorOfWriter(writer))) continue;
      if (this.#own.is(writer)) this.#forked = true;
      else if (accused !== undefined) this.#close(writer);
    }
  }

  /** When a live entry is superseded by one of a bundle, unless this node writes it itself. */
  superseded(row: LiveRow, by: Entry): void {
    if (!this.#isLooking || by.class === classes.last) return;
    if (!this.#own.isAuthor(authorOfWriter(row.writer))) return;
    const { namespace } = row.subject;
    if (!this.#own.isMine(namespace, row)) return;
    this.#lose(namespace, { ...row.place, entry: decodeEntry(row.encoded) }, by);
  }

  /** After it was applied. */
  applied(signed: AcceptedBundle, { applied, forked }: Applied): void {
    if (forked || applied === 0) this.#prove(signed);
    this.#before.push(signed);
  }

  /** Notes it all; to be taken in by `State` once it is committed. */
  finish(random: Random): Findings {
    const writer = this.#own.bytes;
    const nonce = this.#forked ? random.bytes(nonceBytes) : undefined;
    if (nonce !== undefined) {
      this.#tx.put(metaKeys.writer, nonce);
      this.#duties.push({ namespace: sys, entry: closing(writer) });
    }
    const [lost, waiting] = this.#lostAndWaiting();
    const duties = [...this.#duties, ...lost, ...this.#proofs];
    if (duties.length > 0) addDuties(this.#tx, duties);
    return { nonce, duties, waiting: bounded(waiting), proven: this.#proven };
  }

  /** What a writer lost that has not forked, as far as is known, may have been seen: it waits for better knowledge. */
  #lostAndWaiting(): [lost: Duty[], waiting: Duty[]] {
    const [lost, waiting]: [Duty[], Duty[]] = [[], []];
    for (const { duty, writer } of this.#lost) {
      const isForked = this.#own.is(writer) ? this.#forked : true;
      (isForked ? lost : waiting).push(duty);
    }
    return [lost, waiting];
  }

  /** A copy's entry may be dead on arrival because of one of ours that did not see it. */
  #lookAtLoser({ header, writer }: AcceptedBundle, { entry, hash, index }: PlacedEntry): void {
    if (entry.class === classes.last || entry.body === undefined) return;
    const { namespace, stamp } = header;
    const loser = { entry, writer, stamp, hash, index };
    let rows = 0;
    for (const row of liveRows(this.#tx, subjectOf(namespace, entry))) {
      if (++rows > winnersMax) return;
      if (!equalBytes(row.writer, writer) || !this.#own.isMine(namespace, row)) continue;
      const winner = { ...row.place, entry: decodeEntry(row.encoded) };
      if (!supersedes(winner, loser)) continue;
      this.#lose(namespace, loser, winner.entry);
      return;
    }
  }

  #lose(namespace: string, loser: Loser, winner: Entry): void {
    const baseline = this.#own.baseline(loser.writer, namespace, loser.entry);
    for (const entry of lostOf(loser, winner, baseline)) {
      this.#lost.push({ duty: { namespace, entry }, writer: loser.writer });
    }
  }

  #close(writer: Uint8Array): void {
    if (!this.#isWritten(closingKey(writer))) {
      this.#duties.push({ namespace: sys, entry: closing(writer) });
    }
  }

  #prove(signed: AcceptedBundle): void {
    const { writer } = signed;
    const name = bytesName(writer);
    if (this.#memory.proven.has(name) || this.#proven.includes(name)) return;
    if (!hasRivals(this.#tx, signed)) return;
    if (!this.#isWritten(forkKey(writer))) {
      if (this.#proofsAgainst(authorOfWriter(writer)) >= limits.forkProofsPerAuthorMax) return;
      const other = this.#rivalOf(signed);
      if (other !== undefined) {
        this.#proofs.push({ namespace: sys, entry: forkProof(writer, [signed, other]) });
      }
    }
    this.#proven.push(name);
  }

  #isWritten(key: string): boolean {
    const subject = { namespace: sys, class: classes.last, type: registerType, key };
    for (const row of liveRows(this.#tx, subject)) if (hasBody(row)) return true;
    return false;
  }

  #proofsAgainst(author: Uint8Array): number {
    const from = concatBytes(
      typePrefix(sys, classes.last, registerType),
      encodeUtf8(forkKeys(author)),
    );
    const limit = limits.forkProofsPerAuthorMax;
    const written = [...this.#tx.range({ from, to: prefixEnd(from), limit })].length;
    const noted = this.#proofs.filter(({ entry }) => entry.key.startsWith(forkKeys(author)));
    return written + noted.length;
  }

  /** The other header of a fork, from this transaction or from what is stored. */
  #rivalOf(signed: AcceptedBundle): Signed | undefined {
    for (const rival of rivalsOf(this.#tx, signed)) {
      const found =
        this.#before.find(({ hash }) => equalBytes(hash, rival.hash)) ??
        this.#stored(signed.header.namespace, rival);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #stored(namespace: string, { hash, stamp }: Rival): Signed | undefined {
    const [from, to] = [orderOf(stamp), orderOf(stamp) + 1n].map((ts) => {
      return { ts, id: new Uint8Array(0) };
    });
    const seen = new Set<number>();
    let items = 0;
    for (const { arrival } of itemsWithin(this.#tx, namespace, from!, to!)) {
      if (++items > limits.forkSearchMax) return undefined;
      const row = seen.has(arrival) ? undefined : readArrival(this.#tx, arrival);
      seen.add(arrival);
      if (row === undefined) continue;
      const { encoded, signature } = decodeBundle(row.bundle);
      if (equalBytes(headerHash(encoded), hash)) return { encoded, signature };
    }
    return undefined;
  }
}

function subjectOf(namespace: string, { class: entryClass, type, key }: Entry): Subject {
  return { namespace, class: entryClass, type, key };
}

/** Of very many those of the latest. */
function bounded(lost: readonly Duty[]): Duty[] {
  const kept: Duty[] = [];
  let bytes = 0;
  for (const duty of lost.toReversed()) {
    bytes += encodeEntry(duty.entry).length;
    if (bytes > waitingBytesMax) break;
    kept.push(duty);
  }
  return kept.toReversed();
}
