import {
  DialRequest,
  Faults,
  ForgetRequest,
  Invite,
  Member,
  Members,
  MembersQuery,
  Ok,
  Peers,
} from "../schema.ts";
import type { Daemon } from "../daemon.ts";
import { memberFilter, wantedOf } from "../member-filter.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { eventStream } from "../sse.ts";

export function networkRoutes(daemon: Daemon): Route[] {
  return [
    defineRoute({
      method: "POST",
      path: "/v1/invite",
      summary: "A ticket that lets a machine join; whoever holds it is in",
      response: { as: "json", schema: Invite },
      handle: () => json(daemon.invite()),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/peers",
      summary: "The peers this node is connected to",
      response: { as: "json", schema: Peers },
      handle: () => json(daemon.peers()),
    }),
    defineRoute({
      method: "GET",
      path: "/v1/members",
      summary: "The members of the network as this node sees them",
      query: MembersQuery,
      response: { as: "json", schema: Members },
      handle: ({ query }) => {
        const isWanted = memberFilter(query);
        return json({ members: daemon.members.list().members.filter(isWanted) });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/members/watch",
      summary: "The members, then each again whose card, status or connection changes",
      query: MembersQuery,
      response: { as: "events", schema: Member },
      handle: ({ query, signal }) => {
        const members = wantedOf(daemon.members.watch(signal), memberFilter(query));
        return eventStream(members, (member) => ({ data: JSON.stringify(member) }));
      },
    }),
    defineRoute({
      method: "POST",
      path: "/v1/members/forget",
      summary: "Do not show a member that failed or left until it is alive again, on this node",
      body: { as: "json", schema: ForgetRequest },
      response: { as: "json", schema: Member },
      handle: ({ body }) => json(daemon.members.forget(body.value.member)),
    }),
    defineRoute({
      method: "POST",
      path: "/v1/dial",
      summary: "Connect to a peer at these addresses",
      body: { as: "json", schema: DialRequest },
      response: { as: "json", schema: Ok },
      handle: async ({ body, signal }) => {
        await daemon.dial(body.value.addresses, signal);
        return json({ ok: true });
      },
    }),
    defineRoute({
      method: "GET",
      path: "/v1/faults",
      summary: "The faults injected into this node's transport",
      response: { as: "json", schema: Faults },
      handle: () => json(daemon.faults()),
    }),
    defineRoute({
      method: "PUT",
      path: "/v1/faults",
      summary: "Inject faults (daemons started with --enable-faults only)",
      body: { as: "json", schema: Faults },
      response: { as: "json", schema: Ok },
      handle: async ({ body }) => {
        await daemon.setFaults(body.value);
        return json({ ok: true });
      },
    }),
  ];
}
