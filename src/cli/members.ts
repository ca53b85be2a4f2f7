import type { Member, MembersQuery } from "../control/schema.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import { parseTag, tagTexts } from "../core/tags.ts";
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

const tagColumn: Column<Member> = {
  title: "TAGS",
  plain: ({ tags }) => tagTexts(tags).join(" ") || "-",
  human: ({ tags }) => tagTexts(tags).join(" "),
};

/** Tags come last; on a terminal only where any of the members have some. */
function columns(now: number, showsTags: boolean): readonly Column<Member>[] {
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
    ...(showsTags ? [tagColumn] : []),
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

async function watch(call: Call, query: MembersQuery): Promise<number> {
  for await (const member of (await call.client()).membersWatch(query, call.stream)) {
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
  const query = queryOf(call);
  if (call.values.flag("watch")) return watch(call, query);
  const answer = await (await call.client()).members(query, call.once);
  if (call.out.json) await call.out.document(answer);
  else {
    const hasTags = answer.members.some(({ tags }) => Object.keys(tags).length > 0);
    await call.out.list(columns(Date.now(), hasTags || !call.out.tty), answer.members);
  }
  return exitCodes.ok;
};

function queryOf({ values }: Call): MembersQuery {
  const status = values.text("status") as Member["status"] | undefined;
  const tag = values.list("tag").map((text) => {
    if (parseTag(text) !== undefined) return text;
    throw new CoterieError("USAGE", `--tag wants NAME=VALUE, not ${JSON.stringify(text)}`);
  });
  return { tag, ...(status === undefined ? {} : { status }) };
}
