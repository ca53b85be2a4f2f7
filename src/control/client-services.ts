/** Calls of the client for services. */
import type { CallOptions, Transport } from "./client.ts";
import { get, post, remove, withJson } from "./client-ask.ts";
import type {
  ForwardView,
  Ok,
  ServiceExpose,
  ServiceForward,
  ServiceList,
  ServiceStatus,
} from "./schema.ts";

export interface ServiceClient {
  services(options?: CallOptions): Promise<ServiceList>;
  /** Rejects `NOT_FOUND` for a name that nobody provides. */
  serviceStatus(name: string, options?: CallOptions): Promise<ServiceStatus>;
  /** Sets all terms; those that are not given have their defaults, and nobody is allowed. */
  serviceExpose(name: string, terms: ServiceExpose, options?: CallOptions): Promise<ServiceStatus>;
  /** Resolves when nothing of it is open any more; what is after `drainMs` is cut. */
  serviceRemove(name: string, query: { drainMs?: number }, options?: CallOptions): Promise<Ok>;
  /** Rejects `CONFLICT` when the port is taken. */
  serviceForward(
    name: string,
    forward: ServiceForward,
    options?: CallOptions,
  ): Promise<ForwardView>;
  /** The one at `listen`, or all of the service. */
  serviceUnforward(name: string, query: { listen?: string }, options?: CallOptions): Promise<Ok>;
}

export function serviceClient({ call }: Pick<Transport, "call">): ServiceClient {
  return {
    services: (options) => call(get("services"), options),
    serviceStatus: (name, options) => call(get("services", name), options),
    serviceExpose: (name, terms, options) =>
      call(withJson({ method: "PUT", path: ["services", name, "exposure"] }, terms), options),
    serviceRemove: (name, query, options) =>
      call({ ...remove("services", name, "exposure"), query }, options),
    serviceForward: (name, forward, options) =>
      call(withJson(post("services", name, "forwards"), forward), options),
    serviceUnforward: (name, query, options) =>
      call({ ...remove("services", name, "forwards"), query }, options),
  };
}
