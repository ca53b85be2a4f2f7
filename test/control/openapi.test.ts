import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/host/clock.ts";
import { openapiDocument } from "../../src/control/openapi.ts";
import { createRoutes } from "../../src/control/routes/index.ts";
import { isStream, type Route } from "../../src/control/route.ts";
import { ask, startFixture, type Fixture } from "./fixture.ts";

type Operation = {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  requestBody?: { content: Record<string, object> };
  responses: Record<string, { content?: Record<string, { schema: object }>; $ref?: string }>;
};
type Document = {
  openapi: string;
  info: { version: string };
  paths: Record<string, Record<string, Operation>>;
  components: object;
};

let fixture: Fixture;
let document: Document;
let routes: readonly Route[];
beforeAll(async () => {
  fixture = await startFixture();
  const answer = await ask(fixture.socketPath, "GET", "/v1/openapi.json");
  document = JSON.parse(answer.text) as Document;
  routes = createRoutes({ daemon: fixture.daemon, clock: systemClock, version: "0.1.0" });
});
afterAll(() => fixture.close());

describe("the OpenAPI document", () => {
  test("has exactly the routes of the server", () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const served = routes.map((route) => `${route.method} ${route.path}`);
    expect(described.toSorted()).toEqual(served.toSorted());
    expect(new Set(served).size).toBe(served.length);
    expect(served.length).toBeGreaterThan(25);
  });

  test("says which version of OpenAPI and of the program it is of", () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info.version).toBe("0.1.0");
  });

  test("describes parameters, bodies and answers as the routes have them", () => {
    for (const route of routes) {
      const operation = document.paths[route.path]?.[route.method.toLowerCase()];
      const named = (place: string): string[] =>
        (operation?.parameters ?? []).filter((item) => item.in === place).map((item) => item.name);
      expect(named("path")).toEqual([...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
      expect(named("query")).toEqual(Object.keys(route.query?.properties ?? {}));
      expect(operation?.requestBody === undefined).toBe(route.body === undefined);
      const types = Object.keys(operation?.responses["200"]?.content ?? {});
      expect(types[0]?.includes("json") === true && !types[0].includes("ndjson")).toBe(
        !isStream(route),
      );
      expect(operation?.summary).not.toBe("");
    }
  });

  test("has an id of its own for each operation", () => {
    const ids = Object.values(document.paths).flatMap((operations) =>
      Object.values(operations).map((operation) => operation.operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain("getKvNsKey");
  });

  test("has no reference that leads nowhere, and no schema that nobody refers to", () => {
    const text = JSON.stringify(document);
    const references = new Set(
      [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = ""]) => path),
    );
    for (const path of references) {
      let place: unknown = document;
      for (const part of path.split("/")) place = (place as Record<string, unknown>)[part];
      expect(place, path).toBeTypeOf("object");
    }
    expect(references.size).toBeGreaterThan(15);
  });

  test("is plain JSON: nothing of the schema library leaks into it", () => {
    const again = openapiDocument(routes, "0.1.0");
    expect(JSON.parse(JSON.stringify(again))).toEqual(document);
    expect(JSON.stringify(document)).not.toMatch(/"~|undefined/);
  });
});
