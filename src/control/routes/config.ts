import { ConfigReload, ConfigView } from "../schema.ts";
import type { Daemon } from "../daemon.ts";
import { defineRoute, json, type Route } from "../route.ts";

export function configRoutes(daemon: Daemon): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/config",
      summary: "The configuration in force, with the origin of each value",
      response: { as: "json", schema: ConfigView },
      handle: () => json(daemon.config()),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/config/reload",
      summary: "Read the configuration file again; says what changed",
      response: { as: "json", schema: ConfigReload },
      handle: async () => json(await daemon.reloadConfig()),
    }),
  ];
}
