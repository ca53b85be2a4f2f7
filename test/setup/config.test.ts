import fc from "fast-check";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";
import {
  defaultConfigText,
  describeKeys,
  diffConfig,
  loadConfig,
  setConfigValue,
  type LoadedConfig,
} from "../../src/config.ts";
import { setTomlValue } from "../../src/config-toml.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { codedError } from "../coded-error.ts";

const path = "/node/config.toml";
const load = (text: string): LoadedConfig => loadConfig({ file: { path, text }, env: {} });
const set = (text: string, key: string, value: string): string =>
  setConfigValue({ path, text }, key, value);
const origin = ({ items }: LoadedConfig, key: string): string | undefined =>
  items.find((item) => item.key === key)?.origin;
const refusal = async (run: () => unknown): Promise<string> =>
  (await codedError(run, "BAD_CONFIG")).message;

describe("a setting", () => {
  test("is the flag's, else the variable's, else the file's, else the profile's, else the default", () => {
    const key = "network.connectionsMax";
    const flags = { [key]: "5", "network.connectionsWanted": 1 };
    const env = { COTERIE_NETWORK_CONNECTIONS_MAX: "600" };
    const file = { path, text: 'profile = "server"\n[network]\nconnectionsMax = 700\n' };
    const profile = { path, text: 'profile = "server"\n' };
    const seen = [
      loadConfig({ flags, env, file }),
      loadConfig({ env, file }),
      loadConfig({ env: {}, file }),
      loadConfig({ env: {}, file: profile }),
      loadConfig({ env: {} }),
    ].map((loaded) => [loaded.config.network.connectionsMax, origin(loaded, key)]);
    expect(seen).toEqual([
      [5, "flag"],
      [600, "COTERIE_NETWORK_CONNECTIONS_MAX"],
      [700, path],
      [500, "profile server"],
      [100, "default"],
    ]);
  });

  test("from a variable or a flag has the type of its key", () => {
    const env = {
      COTERIE_NETWORK_LISTEN: "/ip4/127.0.0.1/tcp/0, /ip6/::1/tcp/4001",
      COTERIE_NETWORK_MDNS: "false",
      COTERIE_SYNC_INTERVAL_MS: "500",
      COTERIE_NODE_NAME: "falcon",
      COTERIE_LOG_LEVEL: "",
    };
    const { config } = loadConfig({ env, flags: { "network.meetingPort": false } });
    expect(config.network.listen).toEqual(["/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/4001"]);
    expect(config.network.mdns).toBe(false);
    expect(config.network.meetingPort).toBe(false);
    expect(config.sync.intervalMs).toBe(500);
    expect(config.node.name).toBe("falcon");
    expect(config.log.level).toBe("info");
  });

  test("is there for every key, with its origin", () => {
    const { items, config } = loadConfig({ env: {} });
    expect(items.map(({ key }) => key)).toEqual(describeKeys().map(({ key }) => key));
    expect(new Set(items.map((item) => item.origin))).toEqual(new Set(["default"]));
    expect(config.node.name).toMatch(/^[\w-]{1,64}$/);
  });
});

describe("a configuration file is refused with path and line for", () => {
  test.each([
    [
      "a misspelt key",
      "[network]\nmdsn = true\n",
      ":2: unknown key network.mdsn; did you mean network.mdns?",
    ],
    ["a misspelt section", "\n\n[netwrok]\nmdns = true\n", ":3: unknown key netwrok;"],
    ["a key of another section", "[log]\nmdns = true\n", ":2: unknown key log.mdns;"],
    [
      "a key written in one with its section",
      '"network.mdns" = true\n',
      ':1: unknown key "network.mdns"',
    ],
    ["__proto__", "[network]\n__proto__ = 1\n", ":2: unknown key network.__proto__;"],
    ["a table called __proto__", "[__proto__]\nmdns = true\n", ":1: unknown key __proto__;"],
    ["constructor", "constructor = 1\n", ":1: unknown key constructor;"],
    ["a wrong type", '[network]\nmdns = "yes"\n', ":2: network.mdns must be true or false"],
    [
      "a fraction",
      "[sync]\nintervalMs = 0.5\n",
      ":2: sync.intervalMs must be a whole number from 100",
    ],
    [
      "a number out of range",
      "sync.intervalMs = 99\n",
      ":1: sync.intervalMs must be a whole number",
    ],
    [
      "an unknown choice",
      '[log]\n\nlevel = "loud"\n',
      ":3: log.level must be one of error, warn, info",
    ],
    [
      "a list of numbers",
      "[network]\nlisten = [1]\n",
      ":2: network.listen must be a list of strings",
    ],
    [
      "a bad address",
      '[network]\nlisten = ["1.2.3.4"]\n',
      ':2: network.listen: "1.2.3.4" is not an address',
    ],
    [
      "an impossible port",
      '[network]\nlisten = ["/ip4/1.2.3.4/tcp/65536"]\n',
      ":2: network.listen: ",
    ],
    [
      "a name with a line break",
      '[node]\nname = "a\\nb"\n',
      ":2: node.name: a name cannot contain control",
    ],
    [
      "a value for a section",
      "# x\nnetwork = 3\n",
      ":2: network is a table of keys, written [network]",
    ],
    [
      "a list of tables for a section",
      "[[network]]\nmdns = true\n",
      ":1: network is a table of keys",
    ],
    ["a date", "[node]\nname = 2026-01-01\n", ":2: node.name must be a string"],
    ["a key twice", "[log]\nlevel = 'info'\nlevel = 'warn'\n", ":3:1: trying to redefine"],
    ["a section twice", "[log]\n[log]\n", ":2:2: trying to redefine"],
    ["an unfinished list", "[network]\nlisten = [", ":2:10: unfinished array"],
    ["an unfinished string", '[node]\nname = "fal', ":2:8: unfinished string"],
    ["a lost write", "\0".repeat(40), ":1:"],
    ["a byte order mark", "\ufeff[log]\n", ":1: begins with a byte order mark"],
  ])("%s", async (_what, text, message) => {
    expect(await refusal(() => load(text))).toContain(`${path}${message}`);
  });

  test("more connections wanted than allowed", async () => {
    const message = await refusal(() => load("[network]\nconnectionsWanted = 101\n"));
    expect(message).toBe(`${path}: network.connectionsWanted is more than network.connectionsMax`);
  });

  test("a wrong value even where a flag wins over it", async () => {
    const file = { path, text: "log.level = 1\n" };
    const flags = { "log.level": "warn" };
    await refusal(() => loadConfig({ file, env: {}, flags }));
  });

  test("and nothing else than BAD_CONFIG comes of any text", () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(
        "[network]",
        "[[log]]",
        "profile = ",
        "network.mdns = true",
        "[node]",
        "name = 'x'",
      ),
      fc.constantFrom(
        "listen = [",
        "]",
        "node = {name = 'x'}",
        '"""',
        "__proto__.x = 1",
        "x.y.z = 1",
      ),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        try {
          load(lines.join("\n"));
        } catch (error) {
          expect(error).toBeInstanceOf(CoterieError);
          expect((error as CoterieError).code).toBe("BAD_CONFIG");
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("a variable or a flag", () => {
  test("that is wrong is named", async () => {
    const level = { COTERIE_LOG_LEVEL: "loud" };
    expect(await refusal(() => loadConfig({ env: level }))).toMatch(
      /^COTERIE_LOG_LEVEL: log.level must/,
    );
    const flags = { "network.mdns": "perhaps" };
    expect(await refusal(() => loadConfig({ env: {}, flags }))).toMatch(/^flag: network.mdns must/);
    const unknown = { "log.levle": "warn" };
    expect(await refusal(() => loadConfig({ env: {}, flags: unknown }))).toMatch(
      /did you mean log.level/,
    );
  });

  test("that is nearly one of ours is warned of, and others with our prefix are not", () => {
    const env = {
      COTERIE_LOG_LEVLE: "warn",
      COTERIE_PORT: "tcp://10.0.0.1:80",
      COTERIE_SERVICE_HOST: "10.0.0.1",
      COTERIE_DATA_DIR: "/node",
    };
    expect(loadConfig({ env }).warnings).toEqual([
      "COTERIE_LOG_LEVLE is ignored; did you mean COTERIE_LOG_LEVEL?",
    ]);
  });
});

describe("the file of a new node", () => {
  test("says every key and sets none", () => {
    const text = defaultConfigText();
    expect(load(text).items).toEqual(loadConfig({ env: {} }).items);
    for (const { key, help } of describeKeys()) {
      expect(text).toContain(help);
      expect(text).toMatch(new RegExp(`^# ${key.split(".").at(-1)} = `, "m"));
    }
  });

  test("with its comment signs taken away sets every key to its default", () => {
    const { items } = load(defaultConfigText().replace(/^# (\w+ = )/gm, "$1"));
    expect(items.map(({ key, value }) => [key, value])).toEqual(
      loadConfig({ env: {} }).items.map(({ key, value }) => [key, value]),
    );
    expect(new Set(items.map((item) => item.origin))).toEqual(new Set([path]));
  });
});

describe("setting a value in the file", () => {
  test.each([
    [
      "puts it below its commented default",
      "[log]\n# level = 'info'\n\n# format\n",
      "[log]\n# level = 'info'\nlevel = \"warn\"\n\n# format\n",
    ],
    [
      "replaces it and keeps the comment behind it",
      "[log]\nlevel = 'info' # was #1\n",
      '[log]\nlevel = "warn" # was #1\n',
    ],
    [
      "is not misled by a # in the old value",
      "[log]\nlevel = 'info'#x\n[node]\nname = 'a'\n",
      "[log]\nlevel = \"warn\" #x\n[node]\nname = 'a'\n",
    ],
    [
      "replaces it where it is written in one with its section",
      "log.level = 'info'\n",
      'log.level = "warn"\n',
    ],
    [
      "adds it to its section",
      "[log]\nformat = 'json'\n\n[node]\nname = 'a'\n",
      "[log]\nformat = 'json'\nlevel = \"warn\"\n\n[node]\nname = 'a'\n",
    ],
    [
      "adds its section at the end",
      "[node]\nname = 'a'\n",
      "[node]\nname = 'a'\n\n[log]\nlevel = \"warn\"\n",
    ],
    [
      "joins a section that has no header",
      "log.format = 'json'\n[node]\n",
      "log.format = 'json'\nlog.level = \"warn\"\n[node]\n",
    ],
    ["keeps line ends of Windows", "[log]\r\nlevel = 'info'\r\n", '[log]\r\nlevel = "warn"\r\n'],
    ["begins an empty file", "", '\n[log]\nlevel = "warn"\n'],
  ])("%s", (_what, before, after) => {
    expect(set(before, "log.level", "warn")).toBe(after);
  });

  test("replaces a list over several lines", () => {
    const before =
      "[network]\nlisten = [ # two\n  '/ip4/0.0.0.0/tcp/1', # ]\n  '/ip4/0.0.0.0/tcp/2',\n]\nmdns = true\n";
    const after = '[network]\nlisten = [ "/ip4/127.0.0.1/tcp/3" ]\nmdns = true\n';
    expect(set(before, "network.listen", "/ip4/127.0.0.1/tcp/3")).toBe(after);
  });

  test("puts a key without a section before all sections", () => {
    expect(set("# hello\n[log]\nlevel = 'info'\n", "profile", "server")).toBe(
      "# hello\nprofile = \"server\"\n[log]\nlevel = 'info'\n",
    );
  });

  test("is left to a person where the file is written in another way, with the line", async () => {
    const message = await refusal(() => set("\nlog = {format = 'json'}\n", "log.level", "warn"));
    expect(message).toBe(`${path}:2: log.level has to be changed by hand here`);
  });

  test("steps back from a comment inside a list", () => {
    const list = "[network]\nlisten = [\n# mdns = true\n'/ip4/127.0.0.1/tcp/1',\n]\n";
    expect(set(list, "network.mdns", "false")).toBe(`${list}mdns = false\n`);
  });

  test("never writes into a string that looks like settings", async () => {
    const text = 'note = """\n[log]\nlevel = \'info\'\n"""\n';
    const change = (): string => setTomlValue({ path, text }, ["log", "level"], "warn");
    expect(await refusal(change)).toMatch(/by hand/);
  });

  test("refuses a wrong key, a wrong value, and a file that is wrong already", async () => {
    expect(await refusal(() => set("", "log.levle", "warn"))).toMatch(/did you mean log.level/);
    expect(await refusal(() => set("", "log.level", "loud"))).toMatch(/must be one of/);
    expect(await refusal(() => set("[log]\nx = 1\n", "log.level", "warn"))).toMatch(
      /:2: unknown key/,
    );
    expect(await refusal(() => set("[log\n", "log.level", "warn"))).toMatch(/:1:/);
    expect(await refusal(() => set("", "network.connectionsWanted", "500"))).toMatch(/more than/);
  });

  test("changes that value and nothing else, in any order of settings", () => {
    const settings = fc.constantFrom(
      ["node.name", 'a "quoted" name'],
      ["profile", "server"],
      ["network.listen", "/ip4/127.0.0.1/tcp/1,/ip6/::1/tcp/2"],
      ["network.mdns", "false"],
      ["log.level", "trace"],
      ["gossip.coalesceMs", "7"],
    );
    const beginnings = fc.constantFrom("", defaultConfigText(), "[log]\n", "network.mdns = true\n");
    fc.assert(
      fc.property(beginnings, fc.array(settings, { maxLength: 8 }), (beginning, changes) => {
        let text = beginning;
        const expected = new Map<string, unknown>();
        for (const [key = "", value = ""] of changes) {
          text = set(text, key, value);
          const { items } = loadConfig({ env: {}, flags: { [key]: value } });
          expected.set(key, items.find((item) => item.key === key)?.value);
        }
        const { items } = load(text);
        for (const [key, value] of expected) {
          expect(items.find((item) => item.key === key)).toEqual({ key, value, origin: path });
        }
        expect(parse(text)).toBeDefined();
      }),
    );
  });
});

test("a changed configuration names what changed and what waits for a restart", () => {
  const before = load("[log]\nlevel = 'info'\n[network]\nmdns = true\n");
  const after = load("[log]\nlevel = 'debug'\n[network]\nmdns = false\n[node]\n");
  expect(diffConfig(before, after)).toEqual({
    changed: [
      { key: "network.mdns", from: true, to: false },
      { key: "log.level", from: "info", to: "debug" },
    ],
    needRestart: ["network.mdns"],
  });
  expect(diffConfig(before, before)).toEqual({ changed: [], needRestart: [] });
});
