/** One end of a connection between two processes, as the one at this end has it. */
import { CoterieError } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import type { PeerName } from "../../src/core/ports.ts";
import { SimChannel, type ChannelKind } from "./sim-channel.ts";
import type { SimNet } from "./sim-net.ts";
import { checksum } from "./trace.ts";
import type { ProcessClock } from "./virtual-clock.ts";
import type { Pipe, Wires } from "./wires.ts";

const streamsMax: Readonly<Record<ChannelKind, number>> = {
  sync: limits.syncStreamsMax,
  pull: limits.pullStreamsMax,
  probe: limits.probeStreamsMax,
};

export class Connection {
  readonly owner: SimNet;
  readonly peer: PeerName;
  other!: Connection;
  isOpen = false;
  readonly #wires: Wires;
  readonly #out: Pipe;
  readonly #channels = new Set<SimChannel>();
  /** Rejects what waits for a stream to be opened. */
  readonly #opening = new Set<(reason: Error) => void>();
  #cancelPulse: (() => void) | undefined;

  private constructor(wires: Wires, owner: SimNet, peer: PeerName) {
    this.#wires = wires;
    this.owner = owner;
    this.peer = peer;
    this.#out = wires.pipe(owner.self, peer);
  }

  /** Open at the dialer's end at once, at the other when word of it arrives. */
  static between(wires: Wires, dialer: SimNet, listener: SimNet): void {
    const here = new Connection(wires, dialer, listener.self);
    const there = new Connection(wires, listener, dialer.self);
    here.other = there;
    there.other = here;
    here.carry("connected", undefined, () => there.#open());
    here.#open();
  }

  get clock(): ProcessClock {
    return this.owner.clock;
  }

  /** Takes something to the other end, unless the connection breaks by it. */
  carry(what: string, bytes: Uint8Array | undefined, arrive: () => void): void {
    const { time, trace, prng } = this.#wires;
    if (prng.chance(this.#out.direction.resets)) {
      time.after(0, () => this.close("a frame was lost"));
      return;
    }
    const { other } = this;
    this.#out.send(() => {
      other.clock.whenRunning(() => {
        const facts = bytes === undefined ? "" : ` ${bytes.length} ${checksum(bytes)}`;
        trace.note(time.nowMs, `${other.owner.name} < ${this.owner.name} ${what}${facts}`);
        arrive();
      });
    });
  }

  /** A message that may be lost, doubled or overtaken. */
  scatter(what: string, bytes: Uint8Array, arrive: () => void): void {
    const { prng, time } = this.#wires;
    const { direction } = this.#out;
    if (direction.blocks > 0) {
      this.carry(what, bytes, arrive);
      return;
    }
    const copies =
      (prng.chance(direction.drops) ? 0 : 1) + (prng.chance(direction.duplicates) ? 1 : 0);
    for (let copy = 0; copy < copies; copy++) {
      time.after(this.#wires.latency(direction), () => {
        this.other.clock.whenRunning(() => {
          if (!this.other.isOpen || !this.other.owner.isRunning) return;
          const { trace } = this.#wires;
          const facts = `${what} ${bytes.length} ${checksum(bytes)}`;
          trace.note(time.nowMs, `${this.other.owner.name} < ${this.owner.name} ${facts}`);
          arrive();
        });
      });
    }
  }

  /** Rejects `UNREACHABLE`, `TIMEOUT` or `ABORTED`. */
  openChannel(kind: ChannelKind, signal: AbortSignal): Promise<SimChannel> {
    return new Promise((resolve, reject) => {
      const inUse = [...this.#channels].filter((channel) => channel.kind === kind).length;
      if (inUse >= streamsMax[kind] * 2) {
        reject(new CoterieError("UNREACHABLE", "too many streams"));
        return;
      }
      const [here, there] = SimChannel.pair(kind, this);
      const settle = (run: () => void): void => {
        if (!this.#opening.delete(fail)) return;
        cancel();
        signal.removeEventListener("abort", abort);
        run();
      };
      const fail = (reason: Error): void => settle(() => reject(reason));
      const giveUp = (reason: CoterieError): void => {
        if (this.#opening.has(fail)) here.abort(reason);
        fail(reason);
      };
      const abort = (): void => giveUp(new CoterieError("ABORTED", "opening was cancelled"));
      const cancel = this.clock.after(limits.dialMs, () =>
        giveUp(new CoterieError("TIMEOUT", "the peer did not answer in time")),
      );
      this.#opening.add(fail);
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) {
        abort();
        return;
      }
      this.carry(`${kind} open`, undefined, () => {
        if (!this.other.isOpen) return;
        this.other.#accept(there);
        this.other.carry(`${kind} opened`, undefined, () => {
          settle(() => {
            this.#channels.add(here);
            resolve(here);
          });
        });
      });
    });
  }

  #accept(channel: SimChannel): void {
    this.#channels.add(channel);
    this.owner.accept(channel);
  }

  forget(channel: SimChannel): void {
    this.#channels.delete(channel);
  }

  get channels(): number {
    return this.#channels.size;
  }

  #open(): void {
    if (!this.owner.isRunning || this.owner.isBanned(this.peer)) {
      this.#sayGoodbye();
      return;
    }
    this.isOpen = true;
    this.owner.opened(this);
    this.#pulse(limits.pingIntervalMs);
  }

  /** Ends it here, and there when word of it arrives. */
  close(why: string): void {
    if (!this.isOpen) return;
    this.vanish(why);
    this.#sayGoodbye();
  }

  /** Ends it here; nothing leaves the machine. */
  vanish(why: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#cancelPulse?.();
    if (this.clock.hasEnded) return; // nobody is there to notice
    const lost = new CoterieError("UNREACHABLE", `the connection is gone: ${why}`);
    for (const fail of this.#opening) fail(lost);
    for (const channel of this.#channels) channel.fail(lost);
    if (this.owner.isRunning) this.owner.closed(this);
  }

  #sayGoodbye(): void {
    const { other } = this;
    this.#out.send(() => {
      this.#wires.drop(this.#out);
      other.clock.whenRunning(() => other.close("the peer closed it"));
    });
  }

  /** As src/host/net/pulse.ts: who gives no sign of life for long is dropped. */
  #pulse(delayMs: number): void {
    this.#cancelPulse = this.clock.after(delayMs * this.#wires.prng.between(0.9, 1.1), () => {
      if (this.#answers()) this.#pulse(limits.pingIntervalMs);
      else {
        this.#cancelPulse = this.clock.after(limits.pingTimeoutMs, () => {
          if (this.#answers()) this.#pulse(limits.pingIntervalMs);
          else this.close("no sign of life");
        });
      }
    });
  }

  #answers(): boolean {
    const way = this.#out.direction.blocks + this.other.#out.direction.blocks;
    return (
      way === 0 && this.other.isOpen && this.other.owner.isRunning && !this.other.clock.isPaused
    );
  }
}
