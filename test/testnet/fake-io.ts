import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { main } from "../../testnet/main.ts";
import type { Io } from "../../testnet/io.ts";

export type Outcome = { readonly code: number; readonly out: string; readonly err: string };

/** Runs a testnet command in this process; its coded errors come through as they are. */
export async function runMain(words: readonly string[], launcher?: string): Promise<Outcome> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const texts = Promise.all([text(stdout), text(stderr)]);
  const io = { stdin: process.stdin, stdout, stderr, env: process.env } as unknown as Io;
  try {
    const code = await main([...words], io, launcher);
    stdout.end();
    stderr.end();
    const [out, err] = await texts;
    return { code, out, err };
  } finally {
    stdout.end();
    stderr.end();
  }
}
