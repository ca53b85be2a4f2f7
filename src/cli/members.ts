import type { Member } from "../control/schema.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import type { Output } from "./output.ts";
import { escapeText } from "./terminal/escape.ts";
import { clockTime, humanAgo, isoTime, shortPeer } from "./terminal/human.ts";
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
    { title: "RTT", plain: ({ rttMs }) => (rttMs === null ? "-" : `${rttMs.toFixed(1)} ms`) },
  ];
}

/** One line of `--watch`. */
function line({ peerId, name, status, connected }: Member, { tty, paint }: Output): string {
  const who = escapeText(name === "" ? "-" : name);
  const link = connected ? "connected" : "-";
  if (!tty) return [isoTime(Date.now()), status, who, link, peerId].join("\t");
  const style = styles[status];
  const padded = status.padEnd(7);
  const shown = style === undefined ? padded : paint(style, padded);
  return `${clockTime(Date.now())}  ${shown}  ${who}  ${shortPeer(peerId)}`;
}

async function watch(call: Call, isWanted: (member: Member) => boolean): Promise<number> {
  for await (const member of (await call.client()).membersWatch(call.stream)) {
    if (!isWanted(member)) continue;
    if (call.out.json) await call.out.record(member);
    else await call.out.line(line(member, call.out));
  }
  return exitCodes.ok;
}

async function forget(call: Call, member: string | undefined): Promise<number> {
  if (member === undefined) throw new CoterieError("USAGE", '"members forget" wants MEMBER');
  const forgotten = await (await call.client()).memberForget(member, call.once);
  if (call.out.json) await call.out.document(forgotten);
  else call.out.note(`${forgotten.peerId} is not shown here until it is alive again`);
  return exitCodes.ok;
}

export const members: Run = async (call) => {
  const [action, member] = call.args;
  if (action === "forget") return forget(call, member);
  const status = call.values.text("status");
  const isWanted = (one: Member): boolean => status === undefined || one.status === status;
  if (call.values.flag("watch")) return watch(call, isWanted);
  const answer = await (await call.client()).members(call.once);
  const wanted = answer.members.filter(isWanted);
  if (call.out.json) await call.out.document({ members: wanted });
  else await call.out.list(columns(Date.now()), wanted);
  return exitCodes.ok;
};
