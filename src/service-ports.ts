/** What the services room asks for, made of the roster, the state and a file of the data directory. */
import { decodeUtf8, encodeUtf8 } from "./core/codec.ts";
import { CoterieError } from "./core/errors.ts";
import type { Bulk, Clock, PeerName } from "./core/ports.ts";
import type { Driver } from "./driver/driver.ts";
import { readTextFile, writeFileAtomic } from "./host/files.ts";
import type { RunningNet } from "./host/net/libp2p-net.ts";
import { memberKey } from "./protocol/membership/card.ts";
import type { Roster } from "./protocol/membership/roster.ts";
import { listRegisters, registerEntry } from "./protocol/state/register.ts";
import type { State } from "./protocol/state/state.ts";
import type { LocalFile, Members, Notices, TunnelTransport } from "./share/services/ports.ts";

const namespace = "sys";
const infix = "/services/";
const rowsPerPage = 1_000;

/**
 * Tunnels stay on streams of the libp2p connection. Most are short, and a socket of their own costs a TLS handshake
 * each; and of a TLS socket Node cannot tell whether its peer ended it or died, which a tunnel has to pass on.
 */
export function tunnelsOver(bulk: Bulk): TunnelTransport {
  const purpose = "tunnel";
  return {
    open: (peer, signal) => bulk.open(peer, purpose, signal, "libp2p"),
    on: (handler) => void bulk.on(purpose, { handle: handler }),
  };
}

export function membersPort(parts: {
  readonly roster: Roster;
  readonly net: Pick<RunningNet, "self" | "banned">;
  readonly clock: Clock;
}): Members {
  const { roster, net, clock } = parts;
  return {
    self: net.self,
    nameOf: (peer) => roster.name(peer),
    tagsOf: (peer) => roster.card(peer)?.tags ?? {},
    standingOf: (peer) => roster.standing(peer),
    isBarred: (peer) => net.banned(peer) || roster.isHidden(peer),
    find: (text) => findMember(roster, text, clock.wallMs()),
    onChange: (listener) => roster.onChange(listener),
  };
}

function findMember(roster: Roster, text: string, wallMs: number): PeerName {
  const [meant, another] = roster
    .list(wallMs)
    .filter(({ peer, name, status }) => peer === text || (name === text && status !== "left"));
  if (meant === undefined) {
    throw new CoterieError("NOT_FOUND", `no member is named ${JSON.stringify(text)}`, {
      hint: "give all, tag:KEY=VALUE, a peer id, or a name that coterie members shows",
    });
  }
  if (another !== undefined) {
    throw new CoterieError("CONFLICT", `several members are named ${JSON.stringify(text)}`, {
      hint: "give the peer id",
    });
  }
  return meant.peer;
}

/** Registers `members/<peer id>/services/<name>` in `sys`, which acceptance takes from that member alone. */
export function noticesPort({
  state,
  driver,
  self,
}: {
  readonly state: State;
  readonly driver: Pick<Driver, "write" | "onChange">;
  readonly self: PeerName;
}): Notices {
  return {
    list: () => [...notices(state)],
    write: async (service, text) => {
      const value =
        text === undefined ? undefined : ({ kind: "json", bytes: encodeUtf8(text) } as const);
      await driver.write(namespace, [registerEntry(memberKey(self) + infix + service, value)]);
    },
    onChange: (listener) =>
      driver.onChange((changed) => {
        if (changed.includes(namespace)) listener();
      }),
  };
}

function* notices(state: State): Generator<ReturnType<Notices["list"]>[number]> {
  let after: string | undefined;
  do {
    const options = { prefix: memberKey(""), after, limit: rowsPerPage };
    const page = listRegisters(state, namespace, options, Number.POSITIVE_INFINITY);
    for (const { key, value } of page.items) {
      const [, peer, service] = /^members\/([^/]+)\/services\/([^/]+)$/.exec(key) ?? [];
      const text = peer === undefined ? undefined : textOf(value.bytes);
      if (peer === undefined || service === undefined || text === undefined) continue;
      yield { peer, service, text };
    }
    after = page.next;
  } while (after !== undefined);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decodeUtf8(bytes);
  } catch {
    return undefined; // not text: whoever wrote it says nothing
  }
}

export function localFile(path: string): LocalFile {
  return {
    read: () => readTextFile(path, { code: "BAD_DATA_DIR", secret: true }),
    write: (text) => writeFileAtomic(path, text),
  };
}
