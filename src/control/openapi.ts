/** The OpenAPI 3.1 document of a table of routes. */
import type { TObject, TSchema } from "typebox";
import { isStream, type BodySpec, type ResponseSpec, type Route } from "./route.ts";
import * as schemas from "./schema.ts";

type Json = Readonly<Record<string, unknown>>;

const named = new Map<TSchema, string>(
  Object.entries(schemas).map(([name, schema]) => [schema, name]),
);

const jsonSchemaDialect = "https://json-schema.org/draft/2020-12/schema";

export function openapiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const path = (paths[route.path] ??= {});
    path[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Coterie control API",
      version,
      description:
        "Spoken over the daemon's unix socket. Errors are {error: {code, message, hint?}}; codes are stable.",
    },
    jsonSchemaDialect,
    servers: [{ url: "http://localhost", description: "through the unix socket" }],
    paths,
    components: {
      schemas: Object.fromEntries([...named].map(([schema, name]) => [name, schema])),
      responses: { Refusal: refusal },
    },
  };
}

const refusal: Json = {
  description: "A refusal or failure; the code decides the status",
  content: { "application/json": { schema: reference(schemas.ErrorResponse) } },
};

function operation(route: Route): Json {
  const parameters = [...pathParameters(route.path), ...queryParameters(route.query)];
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined ? {} : { requestBody: requestBody(route.body) }),
    responses: {
      "200": {
        description: isStream(route) ? "A stream" : "Done",
        content: responseContent(route.response),
      },
      default: { $ref: "#/components/responses/Refusal" },
    },
  };
}

/** Such as `getKvNsKey`. */
function operationId({ method, path }: Route): string {
  const words = path.replace("/v1", "").split(/[^a-z]+/i);
  const tail = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("");
  return method.toLowerCase() + tail;
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    description: "one path segment, percent-encoded",
    schema: { type: "string" },
  }));
}

function queryParameters(query: TObject | undefined): Json[] {
  return Object.entries(query?.properties ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: query?.required?.includes(name) === true,
    schema: reference(schema),
  }));
}

function requestBody(body: BodySpec): Json {
  if (body.as === "json") {
    return { required: true, content: { "application/json": { schema: reference(body.schema) } } };
  }
  return {
    required: true,
    content: Object.fromEntries(body.types.map((type) => [type, {}])),
  };
}

/** OpenAPI 3.1 has no schema for the items of a stream (3.2 has), so it stands in an extension. */
function responseContent(response: ResponseSpec): Json {
  if (response.as === "bytes") return { "application/octet-stream": {} };
  const { as, schema, orBytes } = response;
  if (as === "json") {
    const bytes = orBytes === true ? { "application/octet-stream": {} } : {};
    return { "application/json": { schema: reference(schema) }, ...bytes };
  }
  const type = as === "events" ? "text/event-stream" : "application/x-ndjson";
  return { [type]: { schema: { type: "string" }, "x-item-schema": reference(schema) } };
}

function reference(schema: TSchema): TSchema | Json {
  const name = named.get(schema);
  return name === undefined ? schema : { $ref: `#/components/schemas/${name}` };
}
