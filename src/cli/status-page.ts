/** The status as a page for people, within 80 columns and 24 lines (one is left for the prompt). */
import type { Status } from "../control/schema.ts";
import { padEnd, truncate } from "./terminal/display-width.ts";
import { escapeText } from "./terminal/escape.ts";
import { humanAgo, humanBytes, humanCount, humanDuration, plural } from "./terminal/human.ts";
import type { Paint } from "./terminal/paint.ts";

const titleColumns = 10;
const itemsMax = 2;

export type PageLook = {
  readonly columns: number;
  readonly rows: number;
  readonly now: number;
  readonly paint: Paint;
};

type Row = { readonly title: string; readonly text: string; readonly warning?: true };

function some(title: string, items: readonly string[], none: string): Row[] {
  if (items.length === 0) return [{ title, text: none }];
  const shown = items.slice(0, items.length > itemsMax + 1 ? itemsMax : itemsMax + 1);
  const rows = shown.map((text, index) => ({ title: index === 0 ? title : "", text }));
  const rest = items.length - shown.length;
  return rest === 0 ? rows : [...rows, { title: "", text: `and ${rest} more (--json has all)` }];
}

function memberText({ members }: Status): string {
  return (["alive", "suspect", "failed", "left"] as const)
    .filter((status) => status === "alive" || members[status] > 0)
    .map((status) => `${humanCount(members[status])} ${status}`)
    .join(", ");
}

function stateRows({ state }: Status): Row[] {
  const width = Math.max(...state.namespaces.map(({ name }) => name.length), 0);
  const namespaces = state.namespaces.map(
    ({ name, entries, digest }) =>
      `${name.padEnd(width)}  ${humanCount(entries)}  ${digest.slice(0, 16)}`,
  );
  return [
    {
      title: "state",
      text: `${plural(state.entries, "entry", "entries")}, digest ${state.digest.slice(0, 32)}`,
    },
    ...some("", namespaces, "no namespaces yet"),
  ];
}

function clockText({ clock }: Status): string {
  if (clock.offsetMs === null) return "not compared with peers yet";
  const offset = Math.round(clock.offsetMs);
  if (offset === 0) return "as the peers' clocks";
  return `${humanDuration(Math.abs(offset))} ${offset > 0 ? "ahead of" : "behind"} the peers' clocks`;
}

function filesText({ files, bulk }: Status): string {
  const lanes = `${plural(bulk.direct, "channel")} on sockets, ${bulk.libp2p} over libp2p`;
  const room =
    files === null
      ? "cannot be used, see: coterie share ls"
      : `${humanBytes(files.liveBytes)} of ${humanBytes(files.quotaBytes)}`;
  return `${room}; ${lanes}`;
}

function servicesText({ services: { exposed, forwards, open, gateway } }: Status): string {
  const doors = gateway === null ? "gateway off" : `gateway ${gateway}`;
  return `${exposed} exposed, ${plural(open, "stream")} open; ${plural(forwards, "forward")}; ${doors}`;
}

/** What a person should not miss, gravest first. */
function warnings({ state, sync, clock, services, faultsEnabled }: Status): string[] {
  const list: string[] = [];
  if (!state.writable) list.push("writes are refused: the disk is full or read-only");
  if (state.forks > 0) list.push(`${plural(state.forks, "writer")} forked`);
  if (clock.leadMs > 1_000) list.push(`stamps lead the clock by ${humanDuration(clock.leadMs)}`);
  if (state.quarantined > 0) {
    list.push(`${plural(state.quarantined, "entry", "entries")} from the future held back`);
  }
  if (sync.missingTwice > 0)
    list.push(`${plural(sync.missingTwice, "entry", "entries")} missing twice`);
  list.push(...services.faults);
  if (faultsEnabled) list.push("fault injection is enabled");
  return list;
}

function rowsOf(status: Status, now: number): Row[] {
  const { sync, dht, process } = status;
  const self = `/p2p/${status.peerId}`;
  const warned = warnings(status);
  return [
    ...(warned.length === 0
      ? []
      : [{ title: "warning", text: warned.join("; "), warning: true as const }]),
    { title: "peer", text: status.peerId },
    {
      title: "network",
      text: `${status.network.name}, id ${status.network.id.slice(0, 16)}, epoch ${status.network.epoch}`,
    },
    { title: "data", text: status.dataDir },
    ...some(
      "listening",
      status.addresses.map((address) => address.replace(self, "")),
      "on no address",
    ),
    {
      title: "peers",
      text: `${status.connections} connected; DHT ${dht.mode}, routing table ${dht.routingTableSize}`,
    },
    { title: "members", text: memberText(status) },
    ...some(
      "gossip",
      status.gossip.topics.map(
        ({ topic, meshPeers, subscribers }) => `${topic}: mesh ${meshPeers} of ${subscribers}`,
      ),
      "no topics",
    ),
    ...stateRows(status),
    {
      title: "sync",
      text:
        `equal to a peer ${humanAgo(sync.lastEqualAt, now)}; ${plural(sync.sessions, "session")}, ` +
        `${humanBytes(sync.bytesIn)} in, ${humanBytes(sync.bytesOut)} out`,
    },
    { title: "files", text: filesText(status) },
    { title: "services", text: servicesText(status) },
    { title: "clock", text: clockText(status) },
    {
      title: "process",
      text:
        `pid ${process.pid}, memory ${humanBytes(process.rssBytes)}, CPU ${humanDuration(process.cpuMs)}, ` +
        `longest pause ${humanDuration(process.loopDelayMaxMs)}`,
    },
  ];
}

export function statusPage(status: Status, look: PageLook): string[] {
  const head = `${escapeText(status.name)}, up ${humanDuration(status.uptimeMs)}, coterie ${escapeText(status.version)}`;
  const lines = rowsOf(status, look.now).map(({ title, text, warning }) => {
    const cut = truncate(escapeText(text), look.columns - titleColumns);
    return `${look.paint("dim", padEnd(title, titleColumns))}${warning ? look.paint("yellow", cut) : cut}`;
  });
  return [look.paint("bold", truncate(head, look.columns)), ...lines].slice(0, look.rows - 1);
}
