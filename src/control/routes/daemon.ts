import { Doctor, Identity, Ok, Status } from "../schema.ts";
import type { Daemon } from "../daemon.ts";
import { defineRoute, json, type Route } from "../route.ts";

export function daemonRoutes(daemon: Daemon): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/status",
      summary: "How the node is: connections, state, synchronisation, process",
      response: { as: "json", schema: Status },
      handle: () => json(daemon.status()),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/id",
      summary: "Who the node is",
      response: { as: "json", schema: Identity },
      handle: () => json(daemon.identity()),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/doctor",
      summary: "Checks of the installation and the network, each with a verdict and a remedy",
      response: { as: "json", schema: Doctor },
      handle: async () => json(await daemon.doctor()),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/shutdown",
      summary: "Leave the network and stop; answers when the request is taken",
      response: { as: "json", schema: Ok },
      handle: () => {
        daemon.shutdown();
        return json({ ok: true });
      },
    }),
  ];
}
