import { isAbsolute } from "node:path";
import { Type } from "typebox";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { FilesCalls } from "../files-daemon.ts";
import { defineRoute, json, type Reply, type Route } from "../route.ts";
import { Ok } from "../schema.ts";
import {
  CollectResult,
  FilesUsage,
  Finding,
  GotResult,
  ImportResult,
  PinResult,
  progressOf,
  Share,
  ShareList,
  ShareStatuses,
  VerifyResult,
} from "../schema-files.ts";
import { eventStream } from "../sse.ts";

const copies = Type.Integer({ minimum: 1, maximum: limits.copiesMax });
const wish = {
  name: Type.Optional(Type.String({ description: "that of the file or folder if not given" })),
  copiesMin: Type.Optional(copies),
  copiesMax: Type.Optional(copies),
  replace: Type.Optional(Type.Boolean({ description: "what is there under the name" })),
};
const Path = Type.String({ maxLength: limits.pathBytesMax, description: "absolute, of this host" });
const AddQuery = Type.Object(
  {
    path: Path,
    ...wish,
    links: Type.Optional(
      Type.Union([Type.Literal("refuse"), Type.Literal("keep"), Type.Literal("skip")], {
        description: "symbolic links out of the folder",
      }),
    ),
  },
  { additionalProperties: false },
);
const StreamQuery = Type.Object({ ...wish, name: Type.String() }, { additionalProperties: false });
const GetQuery = Type.Object({ path: Path }, { additionalProperties: false });
const RemoveQuery = Type.Object(
  { force: Type.Optional(Type.Boolean({ description: "one of another member too" })) },
  { additionalProperties: false },
);

const bytesType = "application/octet-stream";
const carType = "application/vnd.ipld.car";

function wishOf(query: {
  readonly name?: string;
  readonly copiesMin?: number;
  readonly copiesMax?: number;
  readonly replace?: boolean;
}) {
  const { name, replace = false, copiesMin = 1 } = query;
  const { copiesMax = copiesMin + 1 } = query;
  if (copiesMax < copiesMin) {
    throw new CoterieError("BAD_REQUEST", "copiesMax is less than copiesMin");
  }
  return { name, copiesMin, copiesMax, replace };
}

function pathOf(path: string): string {
  if (isAbsolute(path) && !path.includes("\0")) return path;
  throw new CoterieError("BAD_REQUEST", `${JSON.stringify(path)} is not an absolute path`);
}

function events(items: AsyncIterable<unknown>): Reply {
  return eventStream(items, (item) => ({ data: JSON.stringify(item) }));
}

export function filesRoutes(files: FilesCalls): Route[] {
  return [...shareRoutes(files), ...contentRoutes(files), ...storeRoutes(files)];
}

function shareRoutes(files: FilesCalls): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/shares",
      summary: "The shares of the network, with who holds them",
      response: { as: "json", schema: ShareList },
      handle: () => json({ shares: [...files.list()] }),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/shares",
      summary: "Share a file or folder of this host, given by its path",
      query: AddQuery,
      response: { as: "events", schema: progressOf(Share) },
      handle: ({ query, signal }) => {
        const { path, links = "refuse" } = query;
        return events(files.add(pathOf(path), { ...wishOf(query), links }, signal));
      },
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/shares",
      summary: "Share a file whose bytes are the body",
      query: StreamQuery,
      body: { as: "stream", types: [bytesType] },
      response: { as: "events", schema: progressOf(Share) },
      handle: ({ query, body, signal }) => events(files.addStream(body, wishOf(query), signal)),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/shares/{name}",
      summary: "Holders, copies and this node's part of a share; several that have one name",
      response: { as: "json", schema: ShareStatuses },
      handle: ({ params: { name = "" } }) => json({ shares: files.status(name) }),
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/shares/{name}",
      summary: "Stop sharing; what only this share needed may be collected, on all members",
      query: RemoveQuery,
      response: { as: "json", schema: Ok },
      handle: async ({ params: { name = "" }, query: { force = false }, signal }) => {
        await files.remove(name, force, signal);
        return json({ ok: true });
      },
    }),
  ];
}

function contentRoutes(files: FilesCalls): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/v1/files/{what}/get",
      summary: "Write a share, or what a CID names, to a path of this host that is free",
      query: GetQuery,
      response: { as: "events", schema: progressOf(GotResult) },
      handle: ({ params: { what = "" }, query, signal }) => {
        return events(files.get(what, pathOf(query.path), signal));
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/files/{what}",
      summary: "The bytes of a file",
      response: { as: "bytes" },
      handle: ({ params: { what = "" }, signal }) => {
        return { kind: "stream", type: bytesType, chunks: files.cat(what, signal) };
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/files/{what}/car",
      summary: "A DAG as a CAR file, version 1",
      response: { as: "bytes" },
      handle: ({ params: { what = "" }, signal }) => {
        return { kind: "stream", type: carType, chunks: files.exportCar(what, signal) };
      },
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/files/{what}/pin",
      summary: "Bring a DAG here and keep it, whatever others do",
      response: { as: "events", schema: progressOf(PinResult) },
      handle: ({ params: { what = "" }, signal }) => events(files.pin(what, signal)),
    }),
    defineRoute({
      method: "DELETE",
      path: "/v1/files/{what}/pin",
      summary: "Keep a DAG no longer than others need it",
      response: { as: "json", schema: Ok },
      handle: ({ params: { what = "" } }) => {
        files.unpin(what);
        return json({ ok: true });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/files/{what}/diag",
      summary: "Why something can or cannot be had, step by step",
      response: { as: "events", schema: Finding },
      handle: ({ params: { what = "" }, signal }) => events(files.diagnose(what, signal)),
    }),
  ];
}

function storeRoutes(files: FilesCalls): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/blocks",
      summary: "How much of the quota is used",
      response: { as: "json", schema: FilesUsage },
      handle: () => json(files.usage()),
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/blocks",
      summary: "Store the blocks of a CAR file and pin its roots",
      body: { as: "stream", types: [carType] },
      response: { as: "events", schema: progressOf(ImportResult) },
      handle: ({ body, signal }) => events(files.importCar(body, signal)),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/blocks/collect",
      summary: "Take back the space of everything that nothing needs",
      response: { as: "events", schema: progressOf(CollectResult) },
      handle: ({ signal }) => events(files.collect(signal)),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/blocks/verify",
      summary: "Read every block and compare it with its name",
      response: { as: "events", schema: progressOf(VerifyResult) },
      handle: ({ signal }) => events(files.verify(signal)),
    }),
  ];
}
