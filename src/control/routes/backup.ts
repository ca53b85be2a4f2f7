import type { Daemon } from "../daemon.ts";
import { defineRoute, type Route } from "../route.ts";

export function backupRoutes(daemon: Pick<Daemon, "backup">): Route[] {
  return [
    defineRoute({
      method: "GET",
      path: "/v1/backup",
      summary: "The node as a file for coterie restore, its keys included; of the state at its end",
      response: { as: "bytes" },
      handle: () => ({
        kind: "stream",
        type: "application/octet-stream",
        chunks: daemon.backup(),
      }),
    }),
  ];
}
