/**
 * The keys of the configuration: one schema, from which their names, variables, defaults, checks, help and the
 * commented file of a new node are all derived.
 */
import { isIP } from "node:net";
import { hostname } from "node:os";
import { Type, type Static, type TSchema } from "typebox";
import { Check } from "typebox/schema";
import type { Path, TomlValue } from "./config-toml.ts";
import { parseByteSize } from "./core/byte-size.ts";
import { limits } from "./core/limits.ts";
import { nameFault } from "./core/name.ts";
import { parseTag, tagsFault, type Tags } from "./core/tags.ts";

/** `live` keys take effect on a reload, the others after a restart. */
const live = { reload: "live" } as const;

export const configSchema = Type.Object({
  profile: Type.Enum(["laptop", "server"], {
    default: "laptop",
    description: "What kind of machine this is: laptop, or server (more connections)",
  }),
  tags: Type.Record(Type.String(), Type.String(), {
    default: {},
    description: "What this node is, in words of yours such as role=worker; other members see it",
    ...live,
  }),
  node: Type.Object({
    name: Type.String({
      default: "",
      description: "Name of this node, as other members see it; the host's name if not set",
    }),
  }),
  network: Type.Object({
    listen: Type.Array(Type.String(), {
      default: ["/ip4/0.0.0.0/tcp/0"],
      description: "Addresses to listen on; port 0 means any free one",
    }),
    meetingPort: Type.Boolean({
      default: true,
      description: "Listen on the network's own meeting port as well, if it is free",
    }),
    bulkPort: Type.Integer({
      default: 0,
      minimum: 0,
      maximum: 65_535,
      description: "Port of the bulk lane, for large transfers and tunnels; 0 means any free one",
    }),
    mdns: Type.Boolean({
      default: true,
      description: "Find members on the local network by multicast DNS",
    }),
    connectionsWanted: Type.Integer({
      default: limits.connectionsWanted,
      minimum: 1,
      maximum: 10_000,
      description: "How many connections to keep",
    }),
    connectionsMax: Type.Integer({
      default: limits.connectionsMax,
      minimum: 1,
      maximum: 10_000,
      description: "How many connections to allow",
    }),
  }),
  gossip: Type.Object({
    coalesceMs: Type.Integer({
      default: limits.coalesceMs,
      minimum: 0,
      maximum: 1_000,
      description: "How long local writes wait to travel together",
    }),
  }),
  sync: Type.Object({
    intervalMs: Type.Integer({
      default: limits.syncIntervalMs,
      minimum: 100,
      maximum: 3_600_000,
      description: "How often to reconcile with a random neighbour",
      ...live,
    }),
  }),
  services: Type.Object({
    gateway: Type.String({
      default: "off",
      description:
        "Loopback address of the HTTP gateway to services, such as 127.0.0.1:8780; or off",
    }),
    answerMs: Type.Integer({
      default: 60_000,
      minimum: 100,
      maximum: 3_600_000,
      description: "How long the gateway waits for a service to begin its answer",
      ...live,
    }),
  }),
  files: Type.Object({
    quota: Type.String({
      default: "10GiB",
      description: "Disk space for shared files: a hard limit",
      ...live,
    }),
    uploadRate: Type.String({
      default: "0",
      description: "Bytes of shared files sent per second, such as 2MiB; 0 means no limit",
      ...live,
    }),
    downloadRate: Type.String({
      default: "0",
      description: "Bytes of shared files received per second; 0 means no limit",
      ...live,
    }),
    peerUploadRate: Type.String({
      default: "0",
      description: "The same of files.uploadRate for each member; 0 means no limit",
      ...live,
    }),
    peerDownloadRate: Type.String({
      default: "0",
      description: "The same of files.downloadRate for each member; 0 means no limit",
      ...live,
    }),
    concurrent: Type.Integer({
      default: 4,
      minimum: 1,
      maximum: 64,
      description: "How many shares to bring here at once for the network",
      ...live,
    }),
  }),
  log: Type.Object({
    level: Type.Enum(["error", "warn", "info", "debug", "trace"], {
      default: "info",
      description: "Least grave messages to log",
      ...live,
    }),
    format: Type.Enum(["auto", "text", "json"], {
      default: "auto",
      description: "How to log: text, json, or auto (text on a terminal)",
    }),
  }),
});
export type Config = Static<typeof configSchema>;

export const profiles: Readonly<Record<Config["profile"], Readonly<Record<string, TomlValue>>>> = {
  laptop: {},
  server: { "network.connectionsWanted": 50, "network.connectionsMax": 500 },
};

/** Checks beyond the schema, by key: why the value is wrong, or undefined. */
const rules: Readonly<Record<string, (value: never) => string | undefined>> = {
  "node.name": (name: string) => nameFault(name),
  "files.quota": sizeFault,
  "files.uploadRate": sizeFault,
  "files.downloadRate": sizeFault,
  "files.peerUploadRate": sizeFault,
  "files.peerDownloadRate": sizeFault,
  "services.gateway": gatewayFault,
  tags: (tags: Tags) => tagsFault(tags),
  "network.listen": (addresses: readonly string[]) => addresses.map(listenFault).find(Boolean),
};

function gatewayFault(address: string): string | undefined {
  const [, host = "", port] = /^(127(?:\.\d{1,3}){3}|\[::1\]):(\d{1,5})$/.exec(address) ?? [];
  const isLoopback = host === "[::1]" || isIP(host) === 4;
  if (address === "off" || (isLoopback && Number(port) <= 65_535)) return undefined;
  return `${JSON.stringify(address)} is neither off nor a loopback address such as 127.0.0.1:8780`;
}

function sizeFault(text: string): string | undefined {
  const isSize = parseByteSize(text) !== undefined;
  return isSize ? undefined : `${JSON.stringify(text)} is not a size such as 500MB or 10GiB`;
}

function listenFault(address: string): string | undefined {
  const [, ip, port] = /^\/ip[46]\/([^/]+)\/tcp\/(\d{1,5})$/.exec(address) ?? [];
  const family = address.startsWith("/ip4/") ? 4 : 6;
  if (ip !== undefined && isIP(ip) === family && Number(port) <= 65_535) return undefined;
  return `${JSON.stringify(address)} is not an address such as /ip4/0.0.0.0/tcp/0`;
}

type Leaf = TSchema & {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default: TomlValue;
  readonly description: string;
  readonly reload?: "live";
};

/** `key` is the path joined by dots. */
export type ConfigKey = { readonly key: string; readonly path: Path; readonly schema: Leaf };

export const configKeys: readonly ConfigKey[] = leavesOf(configSchema);

function leavesOf(schema: TSchema, path: Path = []): ConfigKey[] {
  if (!("properties" in schema)) return [{ key: path.join("."), path, schema: schema as Leaf }];
  const entries = Object.entries(schema.properties as Record<string, TSchema>);
  return entries.flatMap(([name, inner]) => leavesOf(inner, [...path, name]));
}

/** `network.connectionsMax` is `COTERIE_NETWORK_CONNECTIONS_MAX`. */
export function variableOf(key: string): string {
  const words = key.replaceAll(".", "_").replace(/[A-Z]/g, (letter) => `_${letter}`);
  return `COTERIE_${words.toUpperCase()}`;
}

/** The value of a key that nothing sets. */
export function defaultOf({ key, schema }: ConfigKey): TomlValue {
  return key === "node.name" ? defaultNodeName() : schema.default;
}

/** The host's name up to its first dot, without what is unusual in one. */
function defaultNodeName(): string {
  const [label = ""] = hostname().split(".");
  return label.replace(/[^\w-]/g, "").slice(0, limits.nameBytesMax) || "node";
}

/** Why `value` is wrong for the key, or undefined. */
export function faultOf({ key, schema }: ConfigKey, value: unknown): string | undefined {
  if (!Check(schema, value)) return `${key} must be ${wants(schema)}`;
  const fault = rules[key]?.(value as never);
  return fault === undefined ? undefined : `${key}: ${fault}`;
}

/** What a key wants, in words. */
function wants({ type, enum: choices, minimum, maximum }: Leaf): string {
  if (choices !== undefined) return `one of ${choices.join(", ")}`;
  if (type === "integer") return `a whole number from ${minimum} to ${maximum}`;
  if (type === "boolean") return "true or false";
  if (type === "object") return "a table of strings; in one line, role=worker,zone=home";
  return type === "array" ? "a list of strings" : "a string";
}

/** A value given as text, by a variable, a flag or `config set`; text that does not fit stays text, to be refused. */
export function fromText({ schema }: ConfigKey, text: string): unknown {
  if (schema.type === "boolean") return /^(?:true|false)$/.test(text) ? text === "true" : text;
  if (schema.type === "integer") return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  if (schema.type === "object") return tableFrom(text);
  return schema.type === "array" ? listFrom(text) : text;
}

function listFrom(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** Of `role=worker,zone=home`. */
function tableFrom(text: string): unknown {
  const pairs = listFrom(text).map(parseTag);
  if (pairs.includes(undefined)) return text;
  return Object.fromEntries(pairs.map((pair) => [pair?.name, pair?.value]));
}

export type KeyHelp = {
  readonly key: string;
  readonly variable: string;
  readonly wants: string;
  readonly default: TomlValue;
  readonly help: string;
  /** True when a reload is enough. */
  readonly live: boolean;
};

export function describeKeys(): KeyHelp[] {
  return configKeys.map((key) => ({
    key: key.key,
    variable: variableOf(key.key),
    wants: wants(key.schema),
    default: defaultOf(key),
    help: key.schema.description,
    live: key.schema.reload === "live",
  }));
}

/** The file of a new node: every key, commented out, with its default. */
export function defaultConfigText(): string {
  const lines = [
    "# Settings of this Coterie node. Flags win over COTERIE_ variables, these over this file.",
    "# What is in force, and why: coterie config show --origin",
  ];
  let open = "";
  for (const { key, default: value, help } of describeKeys()) {
    const [section = "", leaf] = key.split(".");
    lines.push("");
    if (leaf !== undefined && section !== open) lines.push(`[${(open = section)}]`);
    lines.push(`# ${help}`, `# ${leaf ?? section} = ${JSON.stringify(value)}`);
  }
  return `${lines.join("\n")}\n`;
}
