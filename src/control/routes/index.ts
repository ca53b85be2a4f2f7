/** The whole API, one file per noun. */
import type { Clock } from "../../core/ports.ts";
import type { Daemon } from "../daemon.ts";
import type { Route } from "../route.ts";
import { backupRoutes } from "./backup.ts";
import { bulkRoutes } from "./bulk.ts";
import { configRoutes } from "./config.ts";
import { counterRoutes } from "./counter.ts";
import { daemonRoutes } from "./daemon.ts";
import { docRoutes } from "./doc.ts";
import { eventRoutes } from "./events.ts";
import { explainRoutes } from "./explain.ts";
import { filesRoutes } from "./files.ts";
import { kvRoutes } from "./kv.ts";
import { logTypeRoutes } from "./log.ts";
import { logRoutes } from "./logs.ts";
import { multiRoutes } from "./multi.ts";
import { networkRoutes } from "./network.ts";
import { openapiRoute } from "./openapi.ts";
import { serviceRoutes } from "./service.ts";
import { setRoutes } from "./set.ts";
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
    ...backupRoutes(daemon),
    ...multiRoutes(daemon.multi, clock),
    ...counterRoutes(daemon.counter, clock),
    ...setRoutes(daemon.set, clock),
    ...logTypeRoutes(daemon.log, clock),
    ...explainRoutes(daemon),
    ...docRoutes(daemon.doc),
    ...serviceRoutes(daemon.services),
    ...filesRoutes(daemon.files),
    ...watchRoutes(daemon),
    ...eventRoutes(daemon),
  ];
  return [...routes, openapiRoute(routes, version)];
}
