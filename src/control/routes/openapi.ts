import { Type } from "typebox";
import { openapiDocument } from "../openapi.ts";
import { defineRoute, type Route } from "../route.ts";

/** Describes the other routes and itself. */
export function openapiRoute(others: readonly Route[], version: string): Route {
  let text: string | undefined;
  const route: Route = defineRoute({
    method: "GET",
    path: "/v1/openapi.json",
    summary: "This API as an OpenAPI 3.1 document",
    response: { as: "json", schema: Type.Object({}) },
    handle: () => {
      text ??= JSON.stringify(openapiDocument([...others, route], version));
      return { kind: "json", text };
    },
  });
  return route;
}
