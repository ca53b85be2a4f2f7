import { execFile, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bashScript } from "../../src/cli/completion/bash.ts";
import { fishScript } from "../../src/cli/completion/fish.ts";
import { zshScript } from "../../src/cli/completion/zsh.ts";
import { nouns, verbs, verbsOf } from "../../src/cli/table.ts";
import { globalOptions } from "../../src/cli/verb.ts";
import { run, temporaryFolder } from "./cli.ts";

const folder = temporaryFolder();
const scripts = { bash: bashScript(verbs), zsh: zshScript(verbs), fish: fishScript(verbs) };

beforeAll(() => {
  for (const [shell, script] of Object.entries(scripts)) {
    writeFileSync(join(folder.path, `coterie.${shell}`), script);
  }
});
afterAll(() => folder[Symbol.dispose]());

const present = (shell: string) => spawnSync(shell, ["-c", "exit 0"]).status === 0;
const execute = promisify(execFile);

/** How each shell is asked what it would offer for the last word, with all it needs of its completion system stubbed. */
const askers: Readonly<
  Record<string, (script: string, words: readonly string[]) => readonly string[]>
> = {
  bash: (script, words) => [
    "--norc",
    "-uc",
    `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _coterie; printf '%s\\n' "\${COMPREPLY[@]-}"`,
    script,
    ...words,
  ],
  zsh: (script, words) => [
    "-fc",
    `compdef() { : }; _files() { print FILES }; _message() { : }; compadd() { shift; print -rl -- "$@" }
     _describe() { [[ $1 == -o ]] && shift; print -rl -- "\${(@P)2%%:*}" }
     source "$0"; words=("$@"); CURRENT=$#; _coterie`,
    script,
    ...words,
  ],
  fish: (script, words) => [
    "-N",
    "-c",
    `source ${script}; complete -C '${words.join(" ")}' | string split -f1 \\t; true`,
  ],
};

async function offered(shell: string, ...words: string[]): Promise<string[]> {
  const asker = askers[shell];
  if (asker === undefined) throw new Error(`no asker for ${shell}`);
  const { stdout } = await execute(shell, asker(join(folder.path, `coterie.${shell}`), words));
  return stdout.split("\n").filter((line) => line !== "");
}

describe.each(Object.keys(askers))("%s", (shell) => {
  const usable = test.skipIf(!present(shell));

  usable("offers every first word and every verb", async () => {
    expect((await offered(shell, "coterie", "")).toSorted()).toEqual(nouns.toSorted());
    for (const noun of nouns.filter((word) => verbsOf(word)[0]?.path.length === 2)) {
      const inner = verbsOf(noun).map((verb) => verb.path[1] ?? "");
      expect((await offered(shell, "coterie", noun, "")).toSorted()).toEqual(inner.toSorted());
    }
    expect(await offered(shell, "coterie", "help", "kv", "")).toContain("put");
  });

  usable("offers the options of the verb and those of every command", async () => {
    for (const verb of verbs.filter(({ raw }) => !raw)) {
      const words = await offered(shell, "coterie", ...verb.path, "--");
      for (const name of Object.keys({ ...verb.options, ...globalOptions })) {
        expect({ verb: verb.path, words }).toEqual({
          verb: verb.path,
          words: expect.arrayContaining([`--${name}`]),
        });
      }
    }
  });

  usable("offers choices, and finds the command past options and their values", async () => {
    expect((await offered(shell, "coterie", "logs", "--level", "")).toSorted()).toEqual([
      "debug",
      "error",
      "info",
      "trace",
      "warn",
    ]);
    expect((await offered(shell, "coterie", "completion", "")).toSorted()).toEqual([
      "bash",
      "fish",
      "zsh",
    ]);
    expect(
      await offered(shell, "coterie", "--data-dir", "/kv", "--json", "kv", "-n", "id", ""),
    ).toContain("import");
    expect(await offered(shell, "coterie", "kv", "get", "key", "")).toEqual([]);
    expect(await offered(shell, "coterie", "testnet", "")).toContain("chaos");
  });
});

test("every option is in every script", () => {
  for (const { options } of verbs) {
    for (const name of Object.keys(options)) {
      expect(scripts.bash).toContain(`--${name}`);
      expect(scripts.zsh).toContain(`'--${name}:`);
      expect(scripts.fish).toContain(`-l ${name}`);
    }
  }
});

test("the script is what the command prints", async () => {
  expect((await run(["completion", "bash"])).out).toBe(scripts.bash);
  expect(JSON.parse((await run(["completion", "fish", "--json"])).out)).toEqual({
    shell: "fish",
    script: scripts.fish,
  });
});
