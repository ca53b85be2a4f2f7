import { join } from "node:path";
import type { ConfigItem, ConfigView } from "../control/schema.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import { suggest } from "../core/suggest.ts";
import type { Call } from "./call.ts";
import { escapeText } from "./terminal/escape.ts";
import type { Column } from "./terminal/list.ts";
import { valueText } from "./value-text.ts";
import type { Run } from "./verb.ts";

/** Of the running daemon, or else of one that would start now. */
async function view(call: Call): Promise<ConfigView> {
  try {
    return await (await call.client()).config(call.once);
  } catch (error) {
    if (!(error instanceof CoterieError) || error.code !== "NOT_RUNNING") throw error;
    const { configShow } = await call.loaders.offline();
    return configShow(await call.dataDir());
  }
}

const columns: readonly Column<ConfigItem>[] = [
  { title: "KEY", plain: (item) => item.key },
  { title: "VALUE", plain: valueText },
];
const originColumn: Column<ConfigItem> = { title: "ORIGIN", plain: (item) => item.origin };

export const show: Run = async (call) => {
  const settings = await view(call);
  if (call.out.json) await call.out.document(settings);
  else {
    const origin = call.values.flag("origin");
    await call.out.list(origin ? [...columns, originColumn] : columns, settings.items);
  }
  return exitCodes.ok;
};

/** A setting, or one entry of a setting that is a table, such as `tags.role`. */
function itemOf(items: readonly ConfigItem[], key: string): ConfigItem | undefined {
  const item = items.find((candidate) => candidate.key === key);
  if (item !== undefined) return item;
  const dot = Math.max(0, key.indexOf("."));
  const table = items.find((candidate) => candidate.key === key.slice(0, dot));
  const entries = Object.entries(table?.value ?? {});
  const [, value] = entries.find(([name]) => name === key.slice(dot + 1)) ?? [];
  return table === undefined || value === undefined
    ? undefined
    : { key, value, origin: table.origin };
}

export const get: Run = async (call) => {
  const { items } = await view(call);
  const key = call.arg(0);
  const item = itemOf(items, key);
  if (item === undefined) {
    const meant = suggest(
      key,
      items.map((candidate) => candidate.key),
    );
    throw new CoterieError("BAD_CONFIG", `there is no setting "${key}"`, {
      hint: meant === undefined ? "see: coterie config show" : `did you mean "${meant}"?`,
    });
  }
  if (call.out.json) await call.out.document(item);
  else await call.out.line(escapeText(valueText(item)));
  return exitCodes.ok;
};

/** `KEY VALUE` or `KEY=VALUE`. */
function assignment({ args }: Call): readonly [key: string, value: string] {
  const [given = "", value] = args;
  if (value !== undefined) return [given, value];
  const at = given.indexOf("=");
  if (at < 1) throw new CoterieError("USAGE", '"config set" wants VALUE');
  return [given.slice(0, at), given.slice(at + 1)];
}

export const set: Run = async (call) => {
  const [key, value] = assignment(call);
  const { configSet } = await call.loaders.offline();
  await configSet(await call.dataDir(), key, value);
  return written(call, key);
};

export const unset: Run = async (call) => {
  const key = call.arg(0);
  const { configUnset } = await call.loaders.offline();
  await configUnset(await call.dataDir(), key);
  return written(call, key);
};

async function written(call: Call, key: string): Promise<number> {
  if (call.out.json) await call.out.document({ key, file: await configPath(call) });
  else call.out.aside(`written; a running daemon takes it with: ${call.command("config reload")}`);
  return exitCodes.ok;
}

async function configPath(call: Call): Promise<string> {
  return join(await call.dataDir(), "config.toml");
}

export const path: Run = async (call) => {
  const file = await configPath(call);
  if (call.out.json) await call.out.document({ path: file });
  else await call.out.line(file);
  return exitCodes.ok;
};

export const reload: Run = async (call) => {
  const { out } = call;
  const result = await (await call.client()).reloadConfig(call.once);
  if (out.json) {
    await out.document(result);
    return exitCodes.ok;
  }
  type Change = (typeof result.changed)[number];
  await out.list<Change>(
    [
      { title: "KEY", plain: (change) => change.key },
      { title: "FROM", plain: (change) => valueText({ value: change.from }) },
      { title: "TO", plain: (change) => valueText({ value: change.to }) },
    ],
    result.changed,
  );
  if (result.changed.length === 0) out.aside("nothing changed");
  if (result.needRestart.length > 0) {
    out.note(`takes effect after a restart: ${result.needRestart.join(", ")}`);
  }
  return exitCodes.ok;
};
