/** The whole API, one file per noun. */
import type { Clock } from "../../core/ports.ts";
import type { Daemon } from "../daemon.ts";
import type { Route } from "../route.ts";
import { bulkRoutes } from "./bulk.ts";
import { configRoutes } from "./config.ts";
import { daemonRoutes } from "./daemon.ts";
import { eventRoutes } from "./events.ts";
import { kvRoutes } from "./kv.ts";
import { logRoutes } from "./logs.ts";
import { networkRoutes } from "./network.ts";
import { openapiRoute } from "./openapi.ts";
import { watchRoutes } from "./watch.ts";

export type RouteOptions = {
  readonly daemon: Daemon;
  readonly clock: Clock;
  readonly version: string;
};

export function createRoutes({ daemon, clock, version }: RouteOptions): readonly Route[] {
  const routes = [
    ...daemonRoutes(daemon),
    ...networkRoutes(daemon),
    ...configRoutes(daemon),
    ...logRoutes(daemon),
    ...kvRoutes(daemon, clock),
    ...bulkRoutes(daemon, clock),
    ...watchRoutes(daemon),
    ...eventRoutes(daemon),
  ];
  return [...routes, openapiRoute(routes, version)];
}
