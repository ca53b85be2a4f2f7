/**
 * Who is alive: a machine without input and output of its own.
 * 1. Each member is probed by the live members closest to it by XOR, so what a node sends while nothing changes does not
 *    grow with the group.
 * 2. Whoever finds a member unreachable gossips a suspicion with the member's own latest statement; so does a neighbour
 *    that lost the connection, a little later.
 * 3. Only a statement of the suspect's own with a higher incarnation takes a suspicion back. What is not taken back in
 *    time is `failed`, on each node by its own timer: hearsay never is more than a suspicion.
 * 4. Neighbours exchange what they know when they connect.
 * 5. A process that stood still doubts itself first: it voids what it waited for, and gives others the time it missed.
 */
import { toCoterieError } from "../../core/errors.ts";
import { peerNameOf } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { PeerName, Random, Verdict } from "../../core/ports.ts";
import { Budgets } from "./budgets.ts";
import { doubtsAmong } from "./doubts.ts";
import type { LifeEffect, LifeInput } from "./effects.ts";
import { Health, lateMsMin } from "./health.ts";
import { drawn, intermediaries } from "./intermediaries.ts";
import { Ledger, type Row } from "./ledger.ts";
import { decodeNews, encodeNews, isNews, type News } from "./news.ts";
import { OwnLife, type OwnLifeParts } from "./own-life.ts";
import {
  decodeProbeFrame,
  encodeProbeFrame,
  tableFrames,
  type ProbeFrame,
} from "./probe-frames.ts";
import { Prober } from "./prober.ts";
import { Retelling } from "./retelling.ts";
import { isGenuine, sameSignature, type Statement } from "./statement.ts";
import { Tables } from "./tables.ts";
import { watchedBy } from "./watchers.ts";

export type LifeParts = OwnLifeParts & { readonly random: Random };

const recountMs = 100;

export class Life {
  readonly #parts: LifeParts;
  readonly #health = new Health();
  readonly #own: OwnLife;
  readonly #ledger: Ledger;
  readonly #prober: Prober;
  readonly #frames = new Budgets(limits.probeFramesBurst, limits.probeFramesPerSecond);
  readonly #costly = new Budgets(limits.newsBurst, limits.newsPerSecond);
  readonly #tables: Tables;
  readonly #retelling: Retelling;
  #effects: LifeEffect[] = [];
  #nowMs = 0;
  #dueMs = Number.POSITIVE_INFINITY;
  #recountMs = Number.POSITIVE_INFINITY;
  #remindMs = Number.POSITIVE_INFINITY;
  #watched: readonly PeerName[] = [];
  #kept = "";
  #left = false;

  constructor(parts: LifeParts) {
    this.#parts = parts;
    this.#own = new OwnLife(parts);
    this.#tables = new Tables(parts.identity.peer);
    this.#retelling = new Retelling(parts.random);
    this.#ledger = new Ledger((row) => this.#changed(row));
    const firstNumber = Math.floor(parts.random.float() * 2 ** 32);
    this.#prober = new Prober({
      health: this.#health,
      firstNumber,
      isConnected: (peer) => this.#tables.has(peer),
      keyOf: (peer) => this.#ledger.get(peer)?.key,
      helpersFor: (peer) => this.#helpersFor(peer),
      send: (peer, frame) => this.#send(peer, frame),
      unreachable: (peer) => this.#unreachable(peer),
    });
  }

  /** 0 when this node trusts itself. */
  get doubt(): number {
    return this.#health.score;
  }

  /** Members that this node watches. */
  get watched(): readonly PeerName[] {
    return this.#watched;
  }

  handle(input: LifeInput, nowMs: number): LifeEffect[] {
    this.#effects = [];
    this.#nowMs = nowMs;
    if (!this.#left) {
      this.#noteDelay();
      this.#take(input);
    }
    if (!this.#left) {
      this.#run();
      this.#schedule();
    }
    return this.#effects;
  }

  #take(input: LifeInput): void {
    switch (input.kind) {
      case "start":
        this.#persist(this.#own.statement);
        return;
      case "peer":
        if (input.up) this.#up(input.peer);
        else this.#down(input.peer);
        return;
      case "members": {
        const others = input.peers.filter((peer) => peer !== this.#parts.identity.peer);
        this.#ledger.setMembers(others, this.#nowMs);
        this.#recountSoon();
        return;
      }
      case "frame":
        this.#frame(input.peer, input.bytes);
        return;
      case "gossip":
        this.#effects.push({ kind: "verdict", verdict: this.#gossip(input.peer, input.bytes) });
        return;
      case "leave":
        this.#say(this.#own.leave());
        this.#left = true;
        return;
      case "wakeup":
    }
  }

  #noteDelay(): void {
    const lateMs = this.#nowMs - this.#dueMs;
    if (lateMs >= 0) this.#dueMs = Number.POSITIVE_INFINITY;
    if (lateMs < lateMsMin) return;
    this.#health.late(lateMs);
    this.#ledger.delay(lateMs);
    this.#prober.restart(this.#nowMs);
    this.#effects.push({ kind: "count", name: "membership.late" });
  }

  #run(): void {
    const nowMs = this.#nowMs;
    for (const peer of this.#tables.take(nowMs)) this.#sendTable(peer, true);
    for (const peer of this.#retelling.take(nowMs)) {
      const news = this.#ledger.newsOf(peer);
      if (news !== undefined) this.#publish(news);
    }
    this.#prober.tick(nowMs);
    this.#ledger.expire(nowMs);
    this.#refute();
    if (nowMs >= this.#remindMs) this.#remind();
    if (nowMs >= this.#recountMs) this.#recount();
  }

  #refute(): void {
    const refutation = this.#own.refute(this.#nowMs);
    if (refutation === undefined) return;
    this.#health.doubt();
    this.#effects.push({ kind: "count", name: "membership.refuted" });
    this.#say(refutation);
  }

  #schedule(): void {
    const parts = [this.#prober, this.#ledger, this.#own, this.#tables, this.#retelling];
    const next = parts.map((part) => part.nextMs());
    const atMs = Math.min(...next, this.#remindMs, this.#recountMs);
    if (atMs === this.#dueMs) return;
    this.#dueMs = atMs;
    if (atMs < Number.POSITIVE_INFINITY) this.#effects.push({ kind: "wakeup", atMs });
  }

  #up(peer: PeerName): void {
    this.#tables.up(peer, this.#nowMs);
    this.#prober.met(peer, this.#nowMs);
    this.#remindSoon();
    this.#keep();
  }

  #down(peer: PeerName): void {
    this.#tables.down(peer);
    this.#keep();
    const row = this.#ledger.get(peer);
    if (row?.standing !== "alive" || !this.#ledger.isMember(peer)) return;
    const graceMs = this.#prober.isWatched(peer) ? limits.lostWatchedMs : limits.lostMs;
    this.#prober.lookFor(peer, this.#nowMs + graceMs * this.#health.mercy);
  }

  #frame(from: PeerName, bytes: Uint8Array): void {
    let frame: ProbeFrame;
    try {
      frame = decodeProbeFrame(bytes);
    } catch (error) {
      this.#charge(from, error);
      return;
    }
    if (!this.#frames.take(from, this.#nowMs)) {
      this.#effects.push({ kind: "count", name: "membership.frames_over_rate" });
      return;
    }
    if (frame.kind === "table") {
      this.#table(from, frame.wanted, frame.news);
    } else if (frame.kind === "ask") {
      const target = peerNameOf(frame.target);
      this.#prober.ask(from, frame.number, target, this.#nowMs);
    } else {
      this.#prober.frame(from, frame, this.#nowMs);
    }
  }

  /** Who tells what is outdated is told what came after it, by the suspect itself too. */
  #table(from: PeerName, wanted: boolean, told: readonly News[]): void {
    for (const news of told) this.#told(from, news);
    if (!this.#tables.has(from)) return;
    if (wanted) {
      this.#sendTable(from, false);
      return;
    }
    this.#refute();
    const newer = told.flatMap(({ statement }) => this.#newerThan(statement) ?? []);
    this.#sendNews(from, newer, false);
  }

  #newerThan({ peer, incarnation }: Statement): News | undefined {
    const isOwn = peer === this.#parts.identity.peer;
    const news = isOwn ? this.#ownNews() : this.#ledger.newsOf(peer);
    return news !== undefined && news.statement.incarnation > incarnation ? news : undefined;
  }

  /**
   * News of a table goes on as gossip if it changes what was known here, or is the teller's own; a newcomer does not
   * repeat to all what it is told of all.
   */
  #told(from: PeerName, news: News): void {
    const { peer } = news.statement;
    if (peer === from) this.#tables.came(from);
    const wasKnown = this.#ledger.get(peer)?.statement !== undefined;
    const verdict = this.#apply(from, news);
    if (verdict === "accept" && (wasKnown || peer === from)) this.#retelling.add(peer, this.#nowMs);
  }

  #gossip(from: PeerName, bytes: Uint8Array): Verdict {
    if (!isNews(bytes)) return "ignore";
    try {
      const news = decodeNews(bytes);
      const verdict = this.#apply(from, news);
      if (this.#ledger.holds(news)) this.#retelling.spare(news.statement.peer);
      return verdict;
    } catch (error) {
      this.#charge(from, error);
      return "reject";
    }
  }

  /** Whether it is news, and sound. */
  #apply(from: PeerName, news: News): Verdict {
    const { statement } = news;
    if (statement.peer === this.#parts.identity.peer) {
      return this.#own.meet(news) ? "accept" : this.#forged(from);
    }
    const row = this.#ledger.get(statement.peer);
    const known = row?.statement;
    const isNewer = known === undefined || statement.incarnation > known.incarnation;
    if (isNewer) {
      if (!this.#mayCost(from)) return "ignore";
      if (!isGenuine(statement, this.#parts.network)) return this.#forged(from);
      this.#ledger.put(statement, news.accused ? this.#refutableUntil() : undefined);
      return "accept";
    }
    const isCurrent = statement.incarnation === known.incarnation && statement.left === known.left;
    if (!isCurrent || !news.accused || row?.standing !== "alive") return "ignore";
    if (!sameSignature(statement, known)) return this.#forged(from);
    if (!this.#mayCost(from)) return "ignore";
    this.#suspect(row);
    return "accept";
  }

  /** Statements cost a signature, and suspicions make their members say something to all. */
  #mayCost(from: PeerName): boolean {
    if (this.#costly.take(from, this.#nowMs)) return true;
    this.#effects.push({ kind: "count", name: "membership.news_over_rate" });
    return false;
  }

  #forged(from: PeerName): Verdict {
    const reason = "a statement of a member that it did not sign";
    this.#effects.push({ kind: "charge", peer: from, code: "BAD_SIGNATURE", reason });
    return "reject";
  }

  #suspect(row: Row): void {
    this.#ledger.suspect(row, this.#refutableUntil());
  }

  #refutableUntil(): number {
    return this.#nowMs + limits.suspicionMs * this.#health.mercy;
  }

  #unreachable(peer: PeerName): void {
    const row = this.#ledger.get(peer);
    if (row?.standing !== "alive" || row.statement === undefined) return;
    this.#effects.push({ kind: "count", name: "membership.suspected" });
    this.#suspect(row);
    this.#publish({ statement: row.statement, accused: true });
  }

  #changed({ peer, standing }: Row): void {
    this.#effects.push({ kind: "standing", peer, standing });
    if (standing === "suspect") this.#remindSoon();
    this.#recountSoon();
  }

  #recountSoon(): void {
    this.#recountMs = Math.min(this.#recountMs, this.#nowMs + recountMs);
  }

  #recount(): void {
    this.#recountMs = Number.POSITIVE_INFINITY;
    const watched = watchedBy(this.#parts.identity.publicKey, this.#ledger.live());
    this.#watched = watched.map(({ peer }) => peer);
    this.#prober.watch(new Set(this.#watched), this.#nowMs, () => this.#parts.random.float());
    this.#keep();
  }

  #keep(): void {
    const peers = this.#watched.filter((peer) => !this.#tables.has(peer));
    const kept = peers.join(" ");
    if (kept === this.#kept) return;
    this.#kept = kept;
    this.#effects.push({ kind: "keep", peers });
  }

  #helpersFor(peer: PeerName): PeerName[] {
    const target = this.#ledger.get(peer)?.key;
    if (target === undefined) return [];
    const others = this.#aliveNeighbours().filter((row) => row.peer !== peer);
    return intermediaries(target, others, this.#parts.random).map((row) => row.peer);
  }

  #aliveNeighbours(): Row[] {
    const rows = [...this.#tables.neighbours()].flatMap((peer) => this.#ledger.get(peer) ?? []);
    return rows.filter(({ standing }) => standing === "alive");
  }

  #remindSoon(): void {
    this.#remindMs = Math.min(this.#remindMs, this.#nowMs + limits.remindMs);
  }

  /** Tells suspects so; two neighbours are told of those that are far, and one is asked for all it knows. */
  #remind(): void {
    this.#remindMs = Number.POSITIVE_INFINITY;
    const isNear = ({ peer }: Row): boolean => this.#tables.has(peer);
    const rows = this.#ledger.all();
    const { near, far, isUnheard, isOpen } = doubtsAmong(rows, isNear, this.#nowMs);
    if (isOpen) this.#remindSoon();
    for (const news of near) this.#sendNews(news.statement.peer, [news], false);
    const asked = far.length > 0 || isUnheard ? this.#aliveNeighbours() : [];
    for (const [index, { peer }] of drawn(
      asked,
      limits.probeHelpers,
      this.#parts.random,
    ).entries()) {
      this.#sendNews(peer, far, isUnheard && index === 0);
    }
  }

  #sendTable(peer: PeerName, wanted: boolean): void {
    const news = [this.#ownNews(), ...this.#ledger.news()];
    this.#sendNews(peer, news.slice(0, limits.tableNewsMax), wanted);
  }

  #ownNews(): News {
    return { statement: this.#own.statement, accused: false };
  }

  #sendNews(peer: PeerName, news: readonly News[], wanted: boolean): void {
    for (const frame of tableFrames(news, wanted)) this.#send(peer, frame);
  }

  #say(statement: Statement): void {
    this.#persist(statement);
    this.#publish({ statement, accused: false });
  }

  #persist({ incarnation }: Statement): void {
    this.#effects.push({ kind: "persist", incarnation });
  }

  #publish(news: News): void {
    this.#effects.push({ kind: "publish", data: encodeNews(news) });
  }

  #send(peer: PeerName, frame: ProbeFrame): void {
    this.#effects.push({ kind: "send", peer, frame: encodeProbeFrame(frame) });
  }

  #charge(peer: PeerName, error: unknown): void {
    const { code, message: reason } = toCoterieError(error);
    this.#effects.push({ kind: "charge", peer, code, reason });
  }
}
