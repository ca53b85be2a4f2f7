/**
 * The asking side: a tunnel to some provider of a service. While no byte of a request has been sent, a provider that does
 * not answer is as good as none, and the next is tried; afterwards nothing is ever sent twice.
 */
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock, Metrics, PeerName, Random } from "../../core/ports.ts";
import { Balancer, type LoadView, type Outcome } from "./balancer/balancer.ts";
import type { Choice } from "./balancer/choose.ts";
import { channelPair } from "./channel-pair.ts";
import { takeHead } from "./channel-head.ts";
import type { Directory } from "./directory.ts";
import type { TunnelChannel, TunnelTransport } from "./ports.ts";
import { decodeAnswer, encodeRequest, type Refusal } from "./tunnel-frames.ts";

export type ConnectorParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly self: PeerName;
  readonly transport: TunnelTransport;
  readonly directory: Directory;
  /** Serves a tunnel from this node to itself. */
  readonly serve: (channel: TunnelChannel) => void;
};

/** A request's time with one provider; each of its calls counts once. */
export type Lease = {
  readonly peer: PeerName;
  /** The answer began after so long. */
  answered(ms: number): void;
  failed(): void;
  end(): void;
};

const why: Readonly<Record<Refusal, string>> = {
  unknown: "it does not provide the service",
  forbidden: "it does not allow the service to this member",
  busy: "it has too much to do",
  unhealthy: "the program behind the service does not answer",
  draining: "it is stopping",
};

/** A provider's own word that it does not serve now. */
export class Refused extends CoterieError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal === "forbidden" ? "REFUSED" : "UNREACHABLE", why[refusal]);
    this.refusal = refusal;
  }
}

export class Connector {
  readonly #parts: ConnectorParts;
  readonly #balancers = new Map<string, Balancer>();

  constructor(parts: ConnectorParts) {
    this.#parts = parts;
    parts.directory.onChange(() => this.#refresh());
  }

  /**
   * The first provider, in the order of the policy, for which `attempt` comes about. Rejects with the gravest reason when
   * it did with none: `NOT_FOUND` without any, `REFUSED` when all refuse this member, `UNREACHABLE` or `TIMEOUT`.
   */
  async first<T>(
    service: string,
    choice: Choice,
    attempt: (lease: Lease, signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<{ lease: Lease; result: T }> {
    const { clock, metrics } = this.#parts;
    const balancer = this.#balancer(service);
    const untilMs = clock.monotonicMs() + limits.tunnelOpenMs;
    const tried = new Set<PeerName>();
    let failure: CoterieError | undefined;
    while (clock.monotonicMs() < untilMs) {
      const peer = balancer.pick(choice, tried, clock.monotonicMs());
      if (peer === undefined) break;
      tried.add(peer);
      const lease = this.#lease(balancer, peer);
      try {
        return { lease, result: await attempt(lease, signal) };
      } catch (error) {
        const givenUp = signal.aborted; // which says nothing of the provider
        if (!givenUp) lease.failed();
        lease.end();
        if (givenUp) throw new CoterieError("ABORTED", "given up by the caller");
        metrics.count("services.attempts_failed");
        failure = graver(failure, toCoterieError(error));
      }
    }
    throw failure ?? nobody(service);
  }

  /** A tunnel for one connection. */
  async connect(
    service: string,
    choice: Choice,
    signal: AbortSignal,
  ): Promise<{ lease: Lease; channel: TunnelChannel }> {
    const { clock } = this.#parts;
    const attempt = async (lease: Lease): Promise<TunnelChannel> => {
      const beganMs = clock.monotonicMs();
      const channel = await this.open(service, lease.peer, signal);
      lease.answered(clock.monotonicMs() - beganMs);
      return channel;
    };
    const { lease, result } = await this.first(service, choice, attempt, signal);
    return { lease, channel: result };
  }

  /** A tunnel to one provider, which has connected its target; within `tunnelAttemptMs`. */
  async open(service: string, peer: PeerName, signal: AbortSignal): Promise<TunnelChannel> {
    const { clock } = this.#parts;
    const late = new AbortController();
    const withinMs = limits.tunnelAttemptMs;
    const untilMs = clock.monotonicMs() + withinMs;
    const cancel = clock.after(withinMs, () => late.abort());
    let channel: TunnelChannel | undefined;
    try {
      channel = await this.#openTo(peer, AbortSignal.any([signal, late.signal]));
      await channel.write(encodeRequest(service));
      const leftMs = Math.max(1, untilMs - clock.monotonicMs());
      const { head, rest } = await takeHead(channel, decodeAnswer, { clock, withinMs: leftMs });
      if (head.answer !== "ok") throw new Refused(head.answer);
      return rest;
    } catch (error) {
      const cause = late.signal.aborted
        ? new CoterieError("TIMEOUT", "the provider did not answer in time")
        : toCoterieError(error);
      channel?.abort(cause);
      throw cause;
    } finally {
      cancel();
    }
  }

  view(service: string, peer: PeerName): LoadView | undefined {
    return this.#balancers.get(service)?.view(peer, this.#parts.clock.monotonicMs());
  }

  #openTo(peer: PeerName, signal: AbortSignal): Promise<TunnelChannel> {
    const { self, transport, serve } = this.#parts;
    if (peer !== self) return transport.open(peer, signal);
    const [near, far] = channelPair(self);
    serve(far);
    return Promise.resolve(near);
  }

  #lease(balancer: Balancer, peer: PeerName): Lease {
    const { clock } = this.#parts;
    let [judged, over] = [false, false];
    balancer.began(peer);
    const answered = (outcome: Outcome): void => {
      if (!judged) balancer.answered(peer, outcome, clock.monotonicMs());
      judged = true;
    };
    return {
      peer,
      answered: (ms) => answered({ kind: "ok", ms }),
      failed: () => answered({ kind: "failed" }),
      end: () => {
        if (!over) balancer.ended(peer);
        over = true;
      },
    };
  }

  /** What is known of a service's providers is kept from its first use on, while there are any. */
  #balancer(service: string): Balancer {
    const known = this.#balancers.get(service);
    if (known !== undefined) return known;
    const made = new Balancer(this.#parts.random);
    this.#fill(service, made);
    if (this.#parts.directory.providers(service).length > 0) this.#balancers.set(service, made);
    return made;
  }

  #refresh(): void {
    for (const [service, balancer] of this.#balancers) {
      if (this.#fill(service, balancer) === 0) this.#balancers.delete(service);
    }
  }

  #fill(service: string, balancer: Balancer): number {
    const providers = this.#parts.directory.providers(service);
    balancer.set(
      providers.map(({ peer, weight, up, standing }) => {
        return { peer, weight, well: up && standing === "alive" };
      }),
      this.#parts.clock.monotonicMs(),
    );
    return providers.length;
  }
}

/** That somebody refuses this member says more than that somebody else was not there. */
function graver(known: CoterieError | undefined, next: CoterieError): CoterieError {
  return known?.code === "REFUSED" ? known : next;
}

function nobody(service: string): CoterieError {
  return new CoterieError("NOT_FOUND", `nobody provides ${JSON.stringify(service)}`, {
    hint: "services are listed by: coterie service ls",
  });
}
