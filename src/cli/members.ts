import type { Member } from "../control/schema.ts";
import { exitCodes } from "../core/errors.ts";
import { humanAgo, isoTime, shortPeer } from "./terminal/human.ts";
import type { Column } from "./terminal/list.ts";
import type { Style } from "./terminal/paint.ts";
import type { Run } from "./verb.ts";

const styles: Readonly<Record<Member["status"], Style | undefined>> = {
  alive: "green",
  suspect: "yellow",
  failed: "red",
  left: "dim",
};

const forkStyles = { forked: "yellow", equivocator: "red" } as const;

const heardPlain = ({ lastHeardAt }: Member) => (lastHeardAt === null ? "-" : isoTime(lastHeardAt));

function columns(now: number): readonly Column<Member>[] {
  return [
    { title: "NAME", plain: ({ name }) => (name === "" ? "-" : name), widthMax: 24 },
    { title: "STATUS", plain: (member) => member.status, style: (member) => styles[member.status] },
    {
      title: "HEARD",
      plain: heardPlain,
      human: (member) => (member.self ? "this node" : humanAgo(member.lastHeardAt, now)),
    },
    { title: "CONNECTED", plain: (member) => (member.connected || member.self ? "yes" : "no") },
    { title: "VERSION", plain: ({ version }) => (version === "" ? "-" : version), widthMax: 16 },
    {
      title: "PEER",
      plain: (member) => member.peerId,
      human: (member) => shortPeer(member.peerId),
    },
    {
      title: "FORK",
      plain: ({ fork }) => fork ?? "-",
      style: ({ fork }) => (fork === null ? undefined : forkStyles[fork]),
    },
  ];
}

export const members: Run = async (call) => {
  const answer = await (await call.client()).members(call.once);
  if (call.out.json) await call.out.document(answer);
  else await call.out.list(columns(Date.now()), answer.members);
  return exitCodes.ok;
};
