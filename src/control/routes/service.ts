import { Type } from "typebox";
import { limits } from "../../core/limits.ts";
import { defineRoute, json, type Route } from "../route.ts";
import {
  ForwardView,
  Ok,
  ServiceExpose,
  ServiceForward,
  ServiceList,
  ServiceStatus,
} from "../schema.ts";
import type { ServiceCalls } from "../service-daemon.ts";

const DrainQuery = Type.Object({
  drainMs: Type.Optional(Type.Integer({ minimum: 0, maximum: limits.drainMsMax })),
});
const ListenQuery = Type.Object({ listen: Type.Optional(Type.String()) });

export function serviceRoutes(services: ServiceCalls): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/services",
      summary: "The services of the network, and what this node does with them",
      response: { as: "json", schema: ServiceList },
      handle: () => json(services.list()),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/services/{name}",
      summary: "Providers of a service, and this node's own part in it",
      response: { as: "json", schema: ServiceStatus },
      handle: ({ params: { name = "" } }) => json(services.status(name)),
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/services/{name}/exposure",
      summary:
        "Expose a local program to members, or change the terms; nobody is allowed unless said so",
      body: { as: "json", schema: ServiceExpose },
      response: { as: "json", schema: ServiceStatus },
      handle: async ({ params: { name = "" }, body }) =>
        json(await services.expose(name, body.value)),
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/services/{name}/exposure",
      summary: "Take a service back; answers when nothing of it is open any more",
      query: DrainQuery,
      response: { as: "json", schema: Ok },
      handle: async ({ params: { name = "" }, query: { drainMs } }) => {
        await services.withdraw(name, drainMs);
        return json({ ok: true });
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/services/{name}/forwards",
      summary: "Listen on a local port that leads to a service",
      body: { as: "json", schema: ServiceForward },
      response: { as: "json", schema: ForwardView },
      handle: async ({ params: { name = "" }, body }) =>
        json(await services.forward(name, body.value)),
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/services/{name}/forwards",
      summary: "Take away a forward, or all of a service",
      query: ListenQuery,
      response: { as: "json", schema: Ok },
      handle: async ({ params: { name = "" }, query: { listen } }) => {
        await services.unforward(name, listen);
        return json({ ok: true });
      },
    }),
  ];
}
