import { Type } from "typebox";
import type { Clock } from "../../core/ports.ts";
import { ImportProgress, KvOp } from "../schema.ts";
import type { Daemon, WriteOp } from "../daemon.ts";
import { importAtomically } from "../import-atomic.ts";
import { importLines } from "../import.ts";
import { exportLine } from "../kv-json.ts";
import { kvPages } from "../kv-pages.ts";
import { defineRoute, type Route } from "../route.ts";
import { namespaceOf } from "./kv-names.ts";

const ndjson = "application/x-ndjson";
const ExportQuery = Type.Object(
  { prefix: Type.Optional(Type.String()) },
  { additionalProperties: false },
);

const ImportQuery = Type.Object(
  {
    atomic: Type.Optional(
      Type.Boolean({ description: "all in one signed batch, or nothing: up to 128 lines, 1 MiB" }),
    ),
  },
  { additionalProperties: false },
);

export function bulkRoutes(daemon: Daemon, clock: Clock): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/export/{ns}",
      summary: "All keys in order, one JSON object per line",
      query: ExportQuery,
      response: { as: "lines", schema: KvOp },
      handle: ({ params, query }) => ({
        kind: "stream",
        type: ndjson,
        chunks: exportPages(daemon.kv, namespaceOf(params), query.prefix ?? ""),
      }),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/import/{ns}",
      summary: "Write one key per line; answers with progress while it reads",
      query: ImportQuery,
      body: { as: "stream", types: [ndjson] },
      response: { as: "lines", schema: ImportProgress },
      handle: ({ params, query: { atomic = false }, body, signal }) => {
        const namespace = namespaceOf(params);
        const write = (ops: readonly WriteOp[]) => {
          return daemon.kv.write(namespace, ops, signal, { atomic });
        };
        const progress = atomic
          ? importAtomically({ chunks: body, write })
          : importLines({ chunks: body, write, clock });
        return { kind: "stream", type: ndjson, chunks: printed(progress) };
      },
    }),
  ];
}

async function* exportPages(
  kv: Daemon["kv"],
  namespace: string,
  prefix: string,
): AsyncGenerator<string, void> {
  const query = { prefix, after: undefined, limit: Number.POSITIVE_INFINITY };
  for (const page of kvPages(kv, namespace, query)) yield page.items.map(exportLine).join("");
}

async function* printed(progress: AsyncIterable<ImportProgress>): AsyncGenerator<string, void> {
  for await (const state of progress) yield `${JSON.stringify(state)}\n`;
}
