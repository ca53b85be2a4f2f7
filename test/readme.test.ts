/**
 * Every command of README.md is run as it stands there, in a folder and with data directories of its own. Only these
 * things are different: `npx coterie` is the program of this checkout, placeholders get real values, the npm scripts are
 * run by what they stand for, and traffic stays on this machine.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { plainEnvironment, program, root, until } from "./daemon/daemon-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";

type Scripts = Readonly<Record<string, string>>;
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Scripts;
};

/** The commands of each fenced `sh` block, without comments. */
function blocksOf(markdown: string): string[][] {
  return [...markdown.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text = ""]) =>
    text
      .split("\n")
      .map((line) => line.replace(/\s+#.*$/, "").trim())
      .filter((line) => line !== ""),
  );
}

/** Commands that go on until they are stopped, with what makes them say something. */
const endless: readonly { readonly begins: string; readonly nudge?: string }[] = [
  { begins: "npx coterie kv watch --prefix jobs/", nudge: "npx coterie kv put jobs/1 done" },
  { begins: "npx coterie event subscribe news", nudge: "npx coterie event publish news extra" },
  { begins: "npx coterie logs --follow" },
  { begins: "npx coterie status --watch" },
];

class Reader {
  readonly #folder = temporaryFolder();
  readonly #daemons: ChildProcessWithoutNullStreams[] = [];
  #machine = 1;
  #ticket = "";

  constructor() {
    writeFileSync(join(this.#folder, "notes.md"), "to do\n");
    writeFileSync(join(this.#folder, "FILE"), '{"key":"imported","value":{"cpu":2.0}}\n');
    onTestFinished(() => this.#stopDaemons());
  }

  async readBlock(commands: readonly string[]): Promise<void> {
    // "There:" is another machine
    this.#machine = commands.some((command) => command.includes("--join")) ? 2 : 1;
    for (const command of commands) await this.#read(command);
  }

  async #read(command: string): Promise<void> {
    if (command === "npm ci && npm test") {
      expect(scripts["test"]).toBe("vitest run"); // which is what runs this
    } else if (command === "npm ci && npm start") {
      expect(scripts["start"]).toBe("node bin/coterie.js up");
      await this.#up("npx coterie up");
    } else if (command.startsWith("npx coterie up")) {
      await this.#up(command);
    } else if (endless.some(({ begins }) => command.startsWith(begins))) {
      await this.#untilItSaysSomething(command);
    } else if (command.startsWith("npx coterie ")) {
      await this.#toItsEnd(command);
    } else {
      throw new Error(`README.md has a command that this test does not know: ${command}`);
    }
  }

  #start(command: string): ChildProcessWithoutNullStreams {
    const npx = `npx() { shift; exec '${process.execPath}' '${program}' "$@"; }`;
    const env = {
      ...plainEnvironment(),
      COTERIE_DATA_DIR: join(this.#folder, `machine-${this.#machine}`),
      COTERIE_NETWORK_LISTEN: "/ip4/127.0.0.1/tcp/0",
      COTERIE_NETWORK_MDNS: "false",
    };
    const words = command.replace("TICKET", this.#ticket);
    const child = spawn("sh", ["-c", `${npx}\n${words}`], { cwd: this.#folder, env });
    child.stdin.on("error", () => undefined);
    return child;
  }

  async #up(command: string): Promise<void> {
    const daemon = this.#start(`${command} --lifeline`);
    this.#daemons.push(daemon);
    let err = "";
    daemon.stderr.on("data", (chunk: Buffer) => void (err += chunk.toString()));
    const said: string[] = [];
    for await (const line of createInterface({ input: daemon.stdout })) {
      said.push(line);
      if (line.includes("kv put hello world")) break;
    }
    expect(said[0], err).toMatch(/^coterie is up as /);
    expect(said).toContain("Next:");
  }

  async #stopDaemons(): Promise<void> {
    for (const daemon of this.#daemons) {
      const ended = daemon.exitCode === null ? once(daemon, "close") : undefined;
      daemon.kill("SIGKILL");
      await ended;
    }
  }

  async #toItsEnd(command: string): Promise<void> {
    if (command.startsWith("npx coterie testnet partition")) {
      // people are slower than this test
      await this.#exitsWell("npx coterie testnet converge --dir ./my-testnet");
    }
    if (command.startsWith("npx coterie testnet up")) {
      onTestFinished(
        async () => void (await this.#run("npx coterie testnet down --dir ./my-testnet")),
      );
    }
    const wantsOthers = this.#machine === 2 && command.startsWith("npx coterie kv get");
    if (wantsOthers) {
      await until(`${command} finds it`, async () => (await this.#run(command)).code === 0);
    }
    const out = await this.#exitsWell(command);
    if (command === "npx coterie invite") this.#ticket = out.trim();
    if (command === "npx coterie kv get greeting") expect(out).toBe("hello, world\n");
    if (command.startsWith("npx coterie kv export")) {
      expect(out).toContain('{"key":"imported","value":{"cpu":2.0}}\n');
    }
  }

  async #exitsWell(command: string): Promise<string> {
    const { code, out, err } = await this.#run(command);
    expect({ command, code, err: code === 0 ? "" : err + out }).toEqual({
      command,
      code: 0,
      err: "",
    });
    return out;
  }

  async #run(command: string): Promise<{ code: number | null; out: string; err: string }> {
    const child = this.#start(command);
    child.stdin.end();
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => void (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => void (err += chunk.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, out, err };
  }

  async #untilItSaysSomething(command: string): Promise<void> {
    const nudge = endless.find(({ begins }) => command.startsWith(begins))?.nudge;
    const child = this.#start(command);
    const ended = once(child, "close");
    let said = "";
    child.stdout.on("data", (chunk: Buffer) => void (said += chunk.toString()));
    try {
      await until(`${command} says something`, async () => {
        if (nudge !== undefined) await this.#exitsWell(nudge);
        return said !== "" || child.exitCode !== null;
      });
      expect(said, command).not.toBe("");
    } finally {
      child.kill("SIGTERM");
      await ended;
    }
  }
}

test("every command in README.md does what README.md says", async () => {
  const blocks = blocksOf(readFileSync(join(root, "README.md"), "utf8"));
  expect(blocks.flat().length).toBeGreaterThan(10);
  const reader = new Reader();
  for (const block of blocks) await reader.readBlock(block);
}, 120_000);

test("a command that nobody thought of is noticed", async () => {
  await expect(new Reader().readBlock(["rm -rf ./my-testnet"])).rejects.toThrow("does not know");
});
