/** Programs that are run in a node's namespace. */
import { execFile } from "node:child_process";
import { namespacePath } from "./holder.ts";

export type Env = Readonly<Record<string, string | undefined>>;

const runMs = 10_000;

/** The tools are where only administrators look, on many systems. */
export function toolEnvironment(env: Env): Record<string, string> {
  return { PATH: `${env["PATH"] ?? ""}:/usr/sbin:/sbin`, LC_ALL: "C" };
}

/** Words before a command that run it as node `index`, under the same process id. */
export function entering(holderPid: number, index: number): string[] {
  const proc = `/proc/${holderPid}`;
  const net = `${proc}/root${namespacePath(index)}`;
  return ["nsenter", `--user=${proc}/ns/user`, `--net=${net}`, "--preserve-credentials", "--"];
}

/** Rejects with what the command said when it fails. */
export async function runInside(
  [program = "", ...words]: readonly string[],
  input: string,
  env: Env,
): Promise<void> {
  const options = { env: toolEnvironment(env), timeout: runMs };
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = execFile(program, words, options, (error, _stdout, stderr) => {
    if (error === null) resolve();
    else reject(new Error(stderr.trim().split("\n")[0] || error.message));
  });
  child.stdin?.on("error", () => undefined); // it has ended, which is told above
  child.stdin?.end(input);
  await promise;
}
