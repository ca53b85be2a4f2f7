/** What the services room asks of the rest of the house. */
import type { Clock, Log, Metrics, PeerName, Random } from "../../core/ports.ts";

/** One tunnel: bytes both ways, each end closed on its own. */
export interface TunnelChannel {
  readonly peer: PeerName;
  /** Ends at the other's half-close; throws when the tunnel is lost. To be read once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Resolves once more can be taken; rejects when the tunnel is lost. */
  write(chunk: Uint8Array): Promise<void>;
  /** Closes this half. */
  end(): Promise<void>;
  abort(reason: Error): void;
}

export interface TunnelTransport {
  /** Rejects `UNREACHABLE`, `TIMEOUT`, or `ABORTED`. */
  open(peer: PeerName, signal: AbortSignal): Promise<TunnelChannel>;
  on(handler: (channel: TunnelChannel) => void): void;
}

export type Standing = "alive" | "suspect" | "failed" | "left";

/** The members as the roster knows them. */
export interface Members {
  readonly self: PeerName;
  nameOf(peer: PeerName): string | undefined;
  tagsOf(peer: PeerName): Readonly<Record<string, string>>;
  standingOf(peer: PeerName): Standing;
  /** Forgotten, or kept out for its conduct: it may use nothing, whatever the lists say. */
  isBarred(peer: PeerName): boolean;
  /** The member meant by a peer id or a name; throws `NOT_FOUND` or `CONFLICT`. */
  find(text: string): PeerName;
  onChange(listener: () => void): () => void;
}

/** What members say of their services in the shared state, one small text for each member and service. */
export interface Notices {
  list(): readonly { readonly peer: PeerName; readonly service: string; readonly text: string }[];
  /** Sets or removes this node's own; resolves when it is on disk. */
  write(service: string, text: string | undefined): Promise<void>;
  onChange(listener: () => void): () => void;
}

/** One small file of this node. */
export interface LocalFile {
  read(): Promise<string | undefined>;
  write(text: string): Promise<void>;
}

export type ServicesParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly transport: TunnelTransport;
  readonly members: Members;
  readonly notices: Notices;
  readonly file: LocalFile;
};
