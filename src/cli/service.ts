import type {
  ForwardView,
  ServiceLine,
  ServiceProvider,
  ServiceStatus,
} from "../control/schema.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { humanBytes, plural, shortPeer } from "./terminal/human.ts";
import type { Column } from "./terminal/list.ts";
import type { Run } from "./verb.ts";

export const expose: Run = async (call) => {
  const { values, out } = call;
  const client = await call.client();
  const [tcp, unix] = [values.text("tcp"), values.text("unix")];
  const [health, weight] = [values.text("health"), values.number("weight")];
  const terms = {
    ...(tcp === undefined ? {} : { tcp }),
    ...(unix === undefined ? {} : { unix }),
    http: values.flag("http"),
    allow: [...values.list("allow")],
    ...(health === undefined ? {} : { health }),
    ...(weight === undefined ? {} : { weight }),
  };
  const status = await client.serviceExpose(call.arg(0), terms, call.once);
  if (out.json) await out.document(status);
  else out.note(exposedNote(status));
  return exitCodes.ok;
};

function exposedNote({ name, exposed }: ServiceStatus): string {
  const allow = exposed?.allow ?? [];
  const who = allow.length === 0 ? "nobody yet (see --allow)" : allow.join(", ");
  return `${name} leads to ${exposed?.target ?? "-"}; allowed: ${who}`;
}

const lineColumns: readonly Column<ServiceLine>[] = [
  { title: "SERVICE", plain: ({ name }) => name },
  { title: "PROVIDERS", plain: ({ providers }) => String(providers), right: true },
  {
    title: "WELL",
    plain: ({ healthy }) => String(healthy),
    style: ({ healthy }) => (healthy === 0 ? "red" : "green"),
    right: true,
  },
  { title: "EXPOSED HERE", plain: ({ exposed }) => (exposed ? "yes" : "no") },
  { title: "FORWARDS", plain: ({ forwards }) => forwards.join(" ") || "-" },
  { title: "URL", plain: ({ url }) => url ?? "-" },
];

export const ls: Run = async (call) => {
  const { out } = call;
  const list = await (await call.client()).services(call.once);
  if (out.json) await out.document(list);
  else await out.list(lineColumns, list.services);
  if (!out.json) for (const fault of list.faults) out.note(fault);
  return exitCodes.ok;
};

const ms = (value: number | null): string => (value === null ? "-" : `${value.toFixed(1)} ms`);

function healthOf({ standing, up, ejected }: ServiceProvider): string {
  if (standing !== "alive") return standing;
  if (!up) return "unwell";
  return ejected ? "ejected" : "well";
}

const providerColumns: readonly Column<ServiceProvider>[] = [
  { title: "PROVIDER", plain: ({ name, peerId }) => name ?? peerId, widthMax: 24 },
  {
    title: "HEALTH",
    plain: healthOf,
    style: (provider) => (healthOf(provider) === "well" ? "green" : "red"),
  },
  { title: "WEIGHT", plain: ({ weight }) => String(weight), right: true },
  { title: "OPEN", plain: ({ open }) => String(open), right: true },
  { title: "REQUESTS", plain: ({ requests }) => String(requests), right: true },
  { title: "FAILED", plain: ({ failures }) => String(failures), right: true },
  { title: "P50", plain: ({ p50Ms }) => ms(p50Ms), right: true },
  { title: "P99", plain: ({ p99Ms }) => ms(p99Ms), right: true },
  { title: "PEER", plain: ({ peerId }) => peerId, human: ({ peerId }) => shortPeer(peerId) },
];

export const status: Run = async (call) => {
  const { out } = call;
  const answer = await (await call.client()).serviceStatus(call.arg(0), call.once);
  if (out.json) {
    await out.document(answer);
    return exitCodes.ok;
  }
  await out.list(providerColumns, answer.providers);
  for (const line of ownPart(answer)) out.aside(line);
  return exitCodes.ok;
};

/** What this node does with the service, beside using it. */
function ownPart({ url, exposed, forwards, name }: ServiceStatus): string[] {
  const lines = url === null ? [] : [`gateway: ${url}`];
  if (exposed !== null) {
    const { open, tunnels, refused, bytesIn, bytesOut, up } = exposed;
    lines.push(`here: ${exposedNote({ name, exposed } as ServiceStatus)}${up ? "" : " (unwell)"}`);
    lines.push(
      `      ${open} open of ${plural(tunnels, "stream")}, ${refused} refused, ` +
        `${humanBytes(bytesIn)} in, ${humanBytes(bytesOut)} out`,
    );
  }
  return [...lines, ...forwards.map((forward) => `forward: ${forwardText(forward)}`)];
}

function forwardText({ listen, policy, open, fault }: ForwardView): string {
  return fault ?? `${listen} (${policy}), ${open} open`;
}

export const forward: Run = async (call) => {
  const name = call.arg(0);
  const listens = call.values.list("listen");
  if (call.values.flag("remove")) return unforward(call, name, listens);
  if (listens.length === 0) {
    throw new CoterieError("USAGE", '"service forward" wants --listen', {
      hint: "for example --listen 127.0.0.1:8080",
    });
  }
  const policy = call.values.text("policy") as ForwardView["policy"] | undefined; // one of the table's
  const client = await call.client();
  const forwards: ForwardView[] = [];
  for (const listen of listens) {
    const wanted = { listen, ...(policy === undefined ? {} : { policy }) };
    forwards.push(await client.serviceForward(name, wanted, call.once));
  }
  if (call.out.json) await call.out.document({ forwards });
  else for (const { listen } of forwards) call.out.note(`${listen} leads to ${name}`);
  return exitCodes.ok;
};

async function unforward(call: Call, name: string, listens: readonly string[]): Promise<number> {
  const client = await call.client();
  const queries = listens.length === 0 ? [{}] : listens.map((listen) => ({ listen }));
  for (const query of queries) await client.serviceUnforward(name, query, call.once);
  if (call.out.json) await call.out.document({ ok: true });
  else call.out.note(`nothing leads to ${[name, ...listens].join(" from ")} any more`);
  return exitCodes.ok;
}

export const rm: Run = async (call) => {
  const drainMs = call.values.number("drain");
  const query = drainMs === undefined ? {} : { drainMs };
  const done = await (await call.client()).serviceRemove(call.arg(0), query, call.once);
  if (call.out.json) await call.out.document(done);
  else call.out.note(`${call.arg(0)} is not exposed here any more`);
  return exitCodes.ok;
};
