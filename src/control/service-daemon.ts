/** What the control server asks of the services room. */
import type {
  ForwardView,
  ServiceExpose,
  ServiceForward,
  ServiceList,
  ServiceStatus,
  ServicesSummary,
} from "./schema.ts";

export interface ServiceCalls {
  list(): ServiceList;
  /** Throws `NOT_FOUND`. */
  status(name: string): ServiceStatus;
  summary(): ServicesSummary;
  /** Sets all terms of a service of this node. Rejects `BAD_REQUEST`, `NOT_FOUND` and `CONFLICT` for members, `REFUSED`. */
  expose(name: string, terms: ServiceExpose): Promise<ServiceStatus>;
  /** Resolves when nothing of it is open any more. Rejects `NOT_FOUND`. */
  withdraw(name: string, drainMs?: number): Promise<void>;
  /** Rejects `CONFLICT` when the port is taken. */
  forward(name: string, forward: ServiceForward): Promise<ForwardView>;
  /** At one address, or all of the service. Rejects `NOT_FOUND`. */
  unforward(name: string, listen?: string): Promise<void>;
}
