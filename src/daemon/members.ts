/** The members as the control API sees them. */
import type { Clock } from "../core/ports.ts";
import { CoterieError } from "../core/errors.ts";
import type { MemberCalls } from "../control/daemon.ts";
import type { Member } from "../control/schema.ts";
import type { Driver } from "../driver/driver.ts";
import type { RunningNet } from "../host/net/libp2p-net.ts";
import { Mailbox } from "../mailbox.ts";
import type { Roster } from "../protocol/membership/roster.ts";

export type MembersParts = {
  readonly clock: Clock;
  readonly net: Pick<RunningNet, "peers">;
  readonly roster: Roster;
  readonly driver: Pick<Driver, "forget">;
};

export function membersOf(parts: MembersParts): MemberCalls {
  return {
    list: () => ({ members: listOf(parts) }),
    watch: (signal) => watch(parts, signal),
    forget: (member) => forget(parts, member),
  };
}

function listOf({ roster, clock, net }: MembersParts): Member[] {
  const rtts = new Map(net.peers().map(({ peerId, rttMs }) => [peerId, rttMs]));
  return roster
    .list(clock.wallMs())
    .map(({ peer, lastHeardAt, fork, left: _left, tags, capacity, ...card }) => ({
      peerId: peer,
      ...card,
      tags: tags ?? {},
      capacity: capacity ?? null,
      lastHeardAt: lastHeardAt ?? null,
      rttMs: rtts.get(peer) ?? null,
      fork: fork ?? null,
    }));
}

/** All as they are, then each when its card, standing or connection changed; the latest, when several changes came at once. */
async function* watch(parts: MembersParts, signal: AbortSignal): AsyncGenerator<Member> {
  const inbox = new Mailbox<true>(1);
  const stop = parts.roster.onChange(() => void inbox.put(true));
  const told = new Map<string, string>();
  try {
    for (;;) {
      for (const member of listOf(parts)) {
        const { lastHeardAt: _heard, rttMs: _rtt, ...facts } = member;
        const text = JSON.stringify(facts);
        if (told.get(member.peerId) === text) continue;
        told.set(member.peerId, text);
        yield member;
      }
      await inbox.take(signal);
    }
  } finally {
    stop();
  }
}

function forget(parts: MembersParts, text: string): Member {
  const meant = listOf(parts).filter(({ peerId, name }) => peerId === text || name === text);
  const [member, another] = meant;
  if (member === undefined) {
    throw new CoterieError("NOT_FOUND", `no member is named ${JSON.stringify(text)}`, {
      hint: "names and peer ids are shown by: coterie members --json",
    });
  }
  if (another !== undefined) {
    throw new CoterieError("CONFLICT", `${meant.length} members have that name`, {
      hint: "give the peer id",
    });
  }
  if (member.status === "alive" || member.status === "suspect") {
    throw new CoterieError("CONFLICT", `that member is ${member.status}`, {
      hint: "only members that have failed or left can be forgotten",
    });
  }
  parts.driver.forget(member.peerId);
  return member;
}
