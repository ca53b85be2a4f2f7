/**
 * The meeting port: one TCP port per network, the same for everybody, on which each daemon tries to listen besides
 * its own. Whoever gets it on an IP keeps it; the others try again now and then, in case it is free. A node whose
 * peers all came back on new ports finds one of them at the meeting port of a known IP, and through it the rest; it
 * asks for no particular peer there, since only a member of the network can finish the handshake.
 */
import type { Listener } from "@libp2p/interface";
import { multiaddr } from "@multiformats/multiaddr";
import { concatBytes } from "../../core/codec.ts";
import { toCoterieError } from "../../core/errors.ts";
import { sha256, tag } from "../../core/identity.ts";
import type { Clock, Log, NetworkKeys, Random } from "../../core/ports.ts";
import { addressAt, bareAddress, ipOf } from "./addresses.ts";
import type { Inner } from "./create-node.ts";

const firstPort = 20_000;
const ports = 40_000;
const retryMsMin = 5_000;
const retryMsMax = 10_000;

/** 20,000 to 59,999, from SHA-256(tag, network id). */
export function meetingPortOf(network: NetworkKeys): number {
  const digest = sha256(concatBytes(tag("coterie/meeting-port"), network.id));
  return firstPort + (new DataView(digest.buffer, digest.byteOffset).getUint32(0) % ports);
}

export type MeetingParts = {
  readonly inner: Inner;
  readonly port: number;
  /** Of the listen addresses, unspecified ones included. */
  readonly ips: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
};

export class MeetingPort {
  readonly port: number;
  readonly #parts: MeetingParts;
  readonly #listeners = new Map<string, Listener>();
  #cancelRetry: (() => void) | undefined;
  #stopped = false;

  constructor(parts: MeetingParts) {
    this.#parts = parts;
    this.port = parts.port;
  }

  /** Resolves after the first try. */
  async start(): Promise<void> {
    await this.#tryAll();
  }

  /** Own addresses at the meeting port, bare; empty on IPs where another holds it. */
  addresses(): string[] {
    return [...this.#listeners.values()].flatMap((listener) =>
      listener.getAddrs().flatMap((address) => bareAddress(address) ?? []),
    );
  }

  holds(ip: string): boolean {
    return this.addresses().some((address) => ipOf(address) === ip);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    await Promise.all([...this.#listeners.values()].map((listener) => listener.close()));
    this.#listeners.clear();
  }

  async #tryAll(): Promise<void> {
    const missing = this.#parts.ips.filter((ip) => !this.#listeners.has(ip));
    await Promise.all(missing.map((ip) => this.#tryListen(ip)));
    if (this.#stopped || this.#listeners.size === this.#parts.ips.length) return;
    const { clock, random } = this.#parts;
    const delayMs = retryMsMin + random.float() * (retryMsMax - retryMsMin);
    this.#cancelRetry = clock.after(delayMs, () => void this.#tryAll());
  }

  /** A port that is taken is the usual case and no failure. libp2p's own `listen` would keep a listener per try. */
  async #tryListen(ip: string): Promise<void> {
    const { inner, log } = this.#parts;
    const [transport] = inner.transportManager.getTransports();
    const listener = transport?.createListener({ upgrader: inner.upgrader });
    if (listener === undefined) return;
    try {
      await listener.listen(multiaddr(addressAt(ip, this.port)));
    } catch (error) {
      log.trace("the meeting port is not ours", { ip, reason: toCoterieError(error).message });
      return;
    }
    if (this.#stopped) {
      await listener.close();
      return;
    }
    this.#listeners.set(ip, listener);
    log.debug("listening at the meeting port", { ip, port: this.port });
  }
}
