/** What the control API shows of services. */
import type { PeerName } from "../../core/ports.ts";
import type { Standing } from "./ports.ts";
import type { Policy } from "./balancer/policy.ts";

/** What a person gives; texts as on the command line. */
export type ExposeRequest = {
  readonly tcp?: string;
  readonly unix?: string;
  readonly http?: boolean;
  /** `all`, `tag:k=v`, a member's name or peer id. */
  readonly allow?: readonly string[];
  /** `tcp` or `http:/path`. */
  readonly health?: string;
  readonly weight?: number;
};

export type ServiceLine = {
  readonly name: string;
  readonly http: boolean;
  readonly providers: number;
  /** Of these, how many say that they are up, and are alive. */
  readonly healthy: number;
  readonly exposed: boolean;
  readonly forwards: string[];
  /** Through the gateway; null without one, and for services that do not speak HTTP. */
  readonly url: string | null;
};

export type ExposedView = {
  readonly target: string;
  readonly http: boolean;
  readonly allow: string[];
  readonly health: string | null;
  readonly up: boolean;
  readonly weight: number;
  readonly open: number;
  readonly tunnels: number;
  readonly refused: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
};

export type ForwardView = {
  readonly name: string;
  readonly listen: string;
  readonly policy: Policy;
  readonly open: number;
  /** Why it does not listen. */
  readonly fault: string | null;
};

/** Counts and times are those of this node's own requests. */
export type ProviderView = {
  readonly peerId: PeerName;
  readonly name: string | null;
  readonly self: boolean;
  readonly http: boolean;
  readonly weight: number;
  readonly up: boolean;
  readonly standing: Standing;
  readonly ejected: boolean;
  readonly open: number;
  readonly requests: number;
  readonly failures: number;
  readonly latencyMs: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
};

export type ServiceView = {
  readonly name: string;
  readonly url: string | null;
  readonly exposed: ExposedView | null;
  readonly forwards: ForwardView[];
  readonly providers: ProviderView[];
};

export type ServicesView = {
  readonly services: ServiceLine[];
  /** Address of the gateway; null when it is off. */
  readonly gateway: string | null;
  /** What does not work, in words. */
  readonly faults: string[];
};

export type ServicesSummary = {
  readonly exposed: number;
  readonly forwards: number;
  /** Tunnels to this node's services. */
  readonly open: number;
  readonly gateway: string | null;
  readonly faults: string[];
};
