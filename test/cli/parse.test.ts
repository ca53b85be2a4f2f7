import { describe, expect, test } from "vitest";
import { overview, verbHelp } from "../../src/cli/help.ts";
import { parse } from "../../src/cli/parse.ts";
import { verbs } from "../../src/cli/table.ts";
import { commandOf, globalOptions } from "../../src/cli/verb.ts";
import { CoterieError } from "../../src/core/errors.ts";

function refusal(...words: string[]): string {
  try {
    parse(words);
  } catch (error) {
    if (!(error instanceof CoterieError)) throw error;
    expect(error.code).toBe("USAGE");
    return `${error.message}; ${error.hint}`;
  }
  throw new Error(`"${words.join(" ")}" was accepted`);
}

function accepted(...words: string[]) {
  const selection = parse(words);
  if (selection.kind !== "run") throw new Error("help was selected");
  return selection;
}

describe("words that are not understood say what was probably meant", () => {
  test.each([
    [["sttaus"], 'unknown command "sttaus"; did you mean "status"?'],
    [["stop"], 'did you mean "down"?'],
    [["put", "k", "v"], 'did you mean "kv put"?'],
    [["kv", "ptu"], 'unknown command "kv ptu"; did you mean "kv put"?'],
    [["kv", "rm", "k"], 'did you mean "kv del"?'],
    [["kv"], '"kv" wants one of: get, put, del, ls, watch, import, export; see: coterie help kv'],
    [["zzzzzz"], "see: coterie help"],
    [["status", "--jsn"], 'unknown option "--jsn" for "status"; did you mean "--json"?'],
    [["--jsn"], 'unknown option "--jsn"'],
    [["kv", "put", "k", "-5"], "words that begin with a hyphen go after --"],
    [["kv", "get"], '"kv get" wants KEY; usage: coterie kv get KEY'],
    [["kv", "get", "a", "b"], '"kv get" has no use for "b"'],
    [["status", "--json=yes"], "does not take an argument"],
    [["logs", "--tail"], "--tail wants N"],
    [["logs", "--tail", "many"], '--tail wants a whole number, not "many"'],
    [["logs", "--tail", "-1"], "written --tail=N"],
    [["logs", "--level", "deubg"], 'did you mean "debug"?'],
    [["kv", "get", "k", "-n", "--json"], '-n wants NAME, not "--json"'],
    [["completion", "bsh"], 'did you mean "bash"?'],
    [["status", "--timeout", "soon"], "--timeout wants a time such as"],
    [["help", "kv", "nope"].slice(1), 'unknown command "kv nope"'],
  ])("%j", (words, message) => {
    expect(refusal(...words)).toContain(message);
  });
});

test("options may stand before, between and after the words of the command", () => {
  for (const words of [
    ["--json", "--data-dir", "/d", "kv", "get", "-n", "notes", "key"],
    ["kv", "--json", "-n", "notes", "get", "--data-dir=/d", "key"],
    ["kv", "get", "key", "--namespace=notes", "--data-dir", "/d", "--json"],
  ]) {
    const { verb, args, values } = accepted(...words);
    expect(commandOf(verb)).toBe("kv get");
    expect(args).toEqual(["key"]);
    expect([values.text("namespace"), values.text("data-dir"), values.flag("json")]).toEqual([
      "notes",
      "/d",
      true,
    ]);
  }
});

test("words after -- are arguments, whatever they look like", () => {
  expect(accepted("kv", "put", "--", "--key", "-5").args).toEqual(["--key", "-5"]);
  expect(accepted("kv", "put", "k", "-").args).toEqual(["k", "-"]);
  expect(accepted("kv", "put", "k", "").args).toEqual(["k", ""]);
});

test("what belongs to the testnet is passed through whole", () => {
  expect(accepted("testnet", "up", "-n", "10", "--dir", "/d", "--help").args).toEqual([
    "up",
    "-n",
    "10",
    "--dir",
    "/d",
    "--help",
  ]);
  expect(accepted("--json", "testnet", "exec", "3", "--", "status").args).toEqual([
    "--json",
    "exec",
    "3",
    "--",
    "status",
  ]);
});

test("a repeatable option keeps all its values", () => {
  expect(accepted("up", "--listen", "/a", "--listen=/b").values.list("listen")).toEqual([
    "/a",
    "/b",
  ]);
});

test("an error stays one line of readable length, whatever was given", () => {
  const long = "x".repeat(100_000);
  for (const words of [
    [long],
    ["kv", long],
    ["status", long],
    ["status", `--${long}`],
    ["logs", "--tail", long],
  ]) {
    expect(refusal(...words).length).toBeLessThan(300);
  }
});

test("names of the language's own are unknown options like others", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    expect(refusal("status", `--${name}`)).toContain("unknown option");
    expect(refusal(name)).toContain("unknown command");
  }
});

describe("the table", () => {
  test("means the same by one option name or letter in every verb", () => {
    const types = new Map<string, string>();
    const letters = new Map<string, string>();
    for (const { options } of verbs) {
      for (const [name, option] of Object.entries({ ...globalOptions, ...options })) {
        expect(types.get(name) ?? option.type, name).toBe(option.type);
        types.set(name, option.type);
        expect(option.type === "flag", name).toBe(option.value === undefined);
        if (option.short === undefined) continue;
        expect(letters.get(option.short) ?? name, option.short).toBe(name);
        letters.set(option.short, name);
      }
    }
  });

  test("has no command twice", () => {
    const commands = verbs.map(commandOf);
    expect(new Set(commands).size).toBe(commands.length);
  });

  test.each(verbs.map((verb) => [commandOf(verb), verb] as const))(
    "%s has help and a loadable file",
    async (command, verb) => {
      const help = verbHelp(verb);
      expect(help).toContain(`Usage: coterie ${command}`);
      for (const [name, { help: text }] of Object.entries(verb.options)) {
        expect(help).toContain(`--${name}`);
        expect(text).not.toBe("");
      }
      for (const { name } of verb.args) expect(help).toContain(name);
      for (const line of help.split("\n").slice(0, -verb.examples.length - 2))
        expect(line.length).toBeLessThanOrEqual(80);
      expect(overview()).toContain(`  ${command}  `);
      expect(await verb.load()).toBeTypeOf("function");
    },
  );

  test.each(verbs.flatMap((verb) => verb.examples.map((example) => [example, verb] as const)))(
    "the example `%s` can be parsed",
    (example, verb) => {
      const command = example.split(" | ").find((part) => part.startsWith("coterie "));
      const words = (command ?? "").replace(/ [<>] .*/, "").match(/'[^']*'|\S+/g) ?? [];
      const selection = accepted(...words.slice(1).map((word) => word.replaceAll("'", "")));
      expect(selection.verb).toBe(verb);
    },
  );
});
