import { Type } from "typebox";
import type { Daemon } from "../daemon.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { Explanation } from "../schema.ts";
import { keyOf, namespaceOf } from "./kv-names.ts";

const ExplainQuery = Type.Object(
  { element: Type.Optional(Type.String({ description: "of the set with the name of the key" })) },
  { additionalProperties: false },
);

export function explainRoutes(daemon: Daemon): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/explain/{ns}/{key}",
      summary: "Why a key is as it is: its live entries of all types, and what is held back",
      query: ExplainQuery,
      response: { as: "json", schema: Explanation },
      handle: async ({ params, query, signal }) => {
        return json(
          await daemon.explain(namespaceOf(params), keyOf(params), query.element, signal),
        );
      },
    }),
  ];
}
