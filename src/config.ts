/**
 * Loading the configuration. Flags win over `COTERIE_*` variables, these over the file, the file over the profile,
 * and that over the defaults. An unknown key is an error; a value is checked even where another wins over it.
 */
import { configKeys, defaultOf, faultOf, fromText, profiles, variableOf } from "./config-keys.ts";
import type { Config, ConfigKey } from "./config-keys.ts";
import {
  badConfig,
  badConfigFile,
  parseToml,
  pathText,
  setTomlValue,
  unsetTomlValue,
} from "./config-toml.ts";
import type { Path, TomlFile, TomlValue } from "./config-toml.ts";
import { suggest } from "./core/suggest.ts";

export { defaultConfigText, describeKeys, type Config, type KeyHelp } from "./config-keys.ts";

const byName = new Map(configKeys.map((key) => [key.key, key]));
const byVariable = new Map(configKeys.map((key) => [variableOf(key.key), key]));

export type ConfigItem = { readonly key: string; readonly value: unknown; readonly origin: string };

/** `items` has every key with where its value came from; `warnings` are lines for people. */
export type LoadedConfig = {
  readonly config: Config;
  readonly items: readonly ConfigItem[];
  readonly warnings: readonly string[];
};

type Given = { readonly value: TomlValue; readonly origin: string };
type Layer = ReadonlyMap<string, Given>;

/** Flags by their key; values as text or already typed. */
export type ConfigFlags = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export type ConfigSources = {
  readonly file?: TomlFile | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags?: ConfigFlags;
};

/** Throws `BAD_CONFIG` naming the place (path and line, variable or flag) of the first thing that is wrong. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const layers = [
    flagLayer(sources.flags ?? {}),
    envLayer(sources.env),
    sources.file === undefined ? new Map<string, Given>() : fileLayer(sources.file),
  ];
  const profile = pick(layers, "profile")?.value ?? "laptop";
  layers.push(profileLayer(profile as Config["profile"]));
  const items = configKeys.map((key) => ({
    key: key.key,
    ...(pick(layers, key.key) ?? { value: defaultOf(key), origin: "default" }),
  }));
  const config = assemble(items);
  if (config.network.connectionsWanted > config.network.connectionsMax) {
    const { origin } = items.find(({ key }) => key === "network.connectionsWanted") ?? {};
    throw badConfig(origin ?? "", "network.connectionsWanted is more than network.connectionsMax");
  }
  return { config, items, warnings: strayVariables(sources.env) };
}

function pick(layers: readonly Layer[], key: string): Given | undefined {
  return layers.map((layer) => layer.get(key)).find((given) => given !== undefined);
}

function assemble(items: readonly ConfigItem[]): Config {
  const config: Record<string, unknown> = {};
  for (const { key, value } of items) {
    const [section = "", leaf] = key.split(".");
    if (leaf === undefined) config[section] = value;
    else config[section] = { ...(config[section] as object | undefined), [leaf]: value };
  }
  return config as Config;
}

function flagLayer(flags: ConfigFlags): Layer {
  const layer = new Map<string, Given>();
  for (const [name, given] of Object.entries(flags)) {
    const key = byName.get(name);
    if (key === undefined) throw badConfig("flag", unknownKey(name));
    const value = typeof given === "string" ? fromText(key, given) : given;
    layer.set(name, { value: checked(key, value, "flag"), origin: "flag" });
  }
  return layer;
}

function envLayer(env: ConfigSources["env"]): Layer {
  const layer = new Map<string, Given>();
  for (const [variable, key] of byVariable) {
    const text = env[variable];
    if (text === undefined || text === "") continue;
    const value = checked(key, fromText(key, text), variable);
    layer.set(key.key, { value, origin: variable });
  }
  return layer;
}

/**
 * Variables that look like a misspelt one of ours. Others with our prefix are left alone: a container scheduler sets
 * such variables for any service that is called "coterie".
 */
function strayVariables(env: ConfigSources["env"]): string[] {
  const prefix = "COTERIE_";
  const known = [...byVariable.keys(), "COTERIE_DATA_DIR"].map((name) => name.slice(prefix.length));
  return Object.keys(env).flatMap((name) => {
    const word = name.slice(prefix.length);
    if (!name.startsWith(prefix) || known.includes(word)) return [];
    const near = suggest(word, known);
    return near === undefined ? [] : [`${name} is ignored; did you mean ${prefix}${near}?`];
  });
}

function fileLayer(file: TomlFile): Layer {
  const layer = new Map<string, Given>();
  readTable(file, parseToml(file), [], layer);
  return layer;
}

function readTable(file: TomlFile, table: object, path: Path, layer: Map<string, Given>): void {
  for (const [name, value] of Object.entries(table)) {
    const inner = [...path, name];
    const key = configKeys.find((one) => inner.every((part, depth) => part === one.path[depth]));
    if (key === undefined) {
      badConfigFile(file, inner, unknownKey(pathText(inner)));
    } else if (key.path.length === inner.length) {
      const fault = faultOf(key, value);
      if (fault !== undefined) badConfigFile(file, inner, fault);
      layer.set(key.key, { value: value as TomlValue, origin: file.path });
    } else if (isTable(value)) {
      readTable(file, value, inner, layer);
    } else {
      badConfigFile(file, inner, `${name} is a table of keys, written [${name}]`);
    }
  }
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === null;
}

function profileLayer(profile: Config["profile"]): Layer {
  const entries = Object.entries(profiles[profile]);
  return new Map(entries.map(([key, value]) => [key, { value, origin: `profile ${profile}` }]));
}

function unknownKey(key: string): string {
  const near = suggest(key, [...byName.keys()]);
  const known = [...byName.keys()].join(", ");
  const rest = near === undefined ? `the keys are ${known}` : `did you mean ${near}?`;
  return `unknown key ${key}; ${rest}`;
}

function checked(key: ConfigKey, value: unknown, place: string): TomlValue {
  const fault = faultOf(key, value);
  if (fault !== undefined) throw badConfig(place, fault);
  return value as TomlValue;
}

export type ConfigDiff = {
  readonly changed: { key: string; from: unknown; to: unknown }[];
  /** Changed keys that take effect only after a restart. */
  readonly needRestart: string[];
};

export function diffConfig(from: LoadedConfig, to: LoadedConfig): ConfigDiff {
  const changed = to.items.flatMap(({ key, value }) => {
    const before = from.items.find((item) => item.key === key)?.value;
    const same = JSON.stringify(before) === JSON.stringify(value);
    return same ? [] : [{ key, from: before, to: value }];
  });
  const names = changed.map(({ key }) => key);
  return { changed, needRestart: names.filter((key) => byName.get(key)?.schema.reload !== "live") };
}

/** What a name means: a key, or one entry of a key that is a table, such as `tags.role`. */
function settingOf(name: string): { readonly key: ConfigKey; readonly entry?: string } {
  const key = byName.get(name);
  if (key?.schema.type === "object") {
    throw badConfig("config", `${name} is a table: name one of its entries, as in ${name}.NAME`);
  }
  if (key !== undefined) return { key };
  const dot = name.indexOf(".");
  const table = byName.get(name.slice(0, Math.max(0, dot)));
  if (table?.schema.type !== "object") throw badConfig("config", unknownKey(name));
  return { key: table, entry: name.slice(dot + 1) };
}

/** The file's text with one value set, comments kept; throws `BAD_CONFIG` for a wrong key, value or file. */
export function setConfigValue(file: TomlFile, name: string, text: string): string {
  const { key, entry } = settingOf(name);
  if (entry !== undefined) checked(key, { [entry]: text }, "config");
  const value = entry === undefined ? checked(key, fromText(key, text), "config") : text;
  return sound(file, setTomlValue(file, pathOf(key, entry), value));
}

/** The same without the value, which then is the default; unchanged when it is not set. */
export function unsetConfigValue(file: TomlFile, name: string): string {
  const { key, entry } = settingOf(name);
  return sound(file, unsetTomlValue(file, pathOf(key, entry)));
}

function pathOf({ path }: ConfigKey, entry: string | undefined): Path {
  return entry === undefined ? path : [...path, entry];
}

function sound({ path }: TomlFile, text: string): string {
  loadConfig({ file: { path, text }, env: {} });
  return text;
}
