/**
 * `doc edit KEY FILE`. The order of its steps makes it safe to break off anywhere and run again: the document gets the
 * file's edits, then the file gets the document's text, then that is kept as the next base. After a break between them the
 * same edits are found once more, in the file and in the document, and are taken once.
 */
import { readFile, stat } from "node:fs/promises";
import type { Client } from "../control/client.ts";
import { decodeUtf8 } from "../core/codec.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { docBase, type DocBase } from "./doc-base.ts";
import { openFileSink } from "./file-sink.ts";
import { namespaceOf } from "./kv.ts";
import { fileFault } from "./read-input.ts";
import type { Run } from "./verb.ts";

type Outcome = {
  readonly key: string;
  readonly file: string;
  /** The document got edits from the file; the file got others'. */
  readonly sent: boolean;
  readonly received: boolean;
  readonly length: number;
};

/** Times the file may change under us before we give up. */
const triesMax = 10;

export const edit: Run = async (call) => {
  const { out } = call;
  const [key, file] = [call.arg(0), call.arg(1)];
  const client = await call.client();
  const base = await docBase(await call.dataDir(), namespaceOf(call), key, file);
  const outcome = await exchange(call, client, base);
  if (out.json) await out.document(outcome);
  else out.aside(wordsOf(outcome));
  return exitCodes.ok;
};

async function exchange(call: Call, client: Client, base: DocBase): Promise<Outcome> {
  const [key, file] = [call.arg(0), call.arg(1)];
  let before = await base.recall();
  let sent = false;
  for (let tries = 0; tries < triesMax; tries++) {
    const mine = await readText(file);
    const merged = await merge(call, client, before, mine);
    sent ||= merged.sent;
    const { text } = merged;
    const received = text !== mine;
    // saved once more meanwhile: what has been merged is the base of that
    if (received && (await readText(file)) !== mine) {
      before = mine;
      continue;
    }
    if (received) await writeText(file, text);
    await base.keep(text);
    return { key, file, sent, received, length: text.length };
  }
  throw new CoterieError("OVERLOADED", `${file} changes all the time`, {
    hint: "run it again when the file is at rest",
  });
}

/** The document's text with the file's edits in it. */
async function merge(
  call: Call,
  client: Client,
  before: string | undefined,
  mine: string | undefined,
): Promise<{ text: string; sent: boolean }> {
  const key = call.arg(0);
  const namespace = namespaceOf(call);
  if (mine === undefined) {
    const { text } = await client.docGet(namespace, key, call.once).catch((error: unknown) => {
      throw nothingYet(error, call.arg(1));
    });
    return { text, sent: false };
  }
  const base = call.values.flag("replace") ? undefined : before;
  const from = base ?? (await firstBase(call, client, mine));
  const { text, stamp } = await client
    .docMerge(namespace, key, { base: from, text: mine }, call.once)
    .catch((error: unknown) => {
      throw deletedMeanwhile(error);
    });
  return { text, sent: stamp !== null };
}

/** A file that was never exchanged: it makes the document, or is equal to it, or is to replace it. */
async function firstBase(call: Call, client: Client, mine: string): Promise<string> {
  const key = call.arg(0);
  const found = await client.docGet(namespaceOf(call), key, call.once).catch((error: unknown) => {
    if (error instanceof CoterieError && error.code === "NOT_FOUND") return undefined;
    throw error;
  });
  if (found === undefined) return "";
  if (found.text === mine || found.text === "" || call.values.flag("replace")) return found.text;
  throw new CoterieError("REFUSED", `${call.arg(1)} was not written from this document`, {
    hint: "move it away to get the document, or give --replace to put it in the document's place",
  });
}

function nothingYet(error: unknown, file: string): unknown {
  if (!(error instanceof CoterieError) || error.code !== "NOT_FOUND") return error;
  return new CoterieError("NOT_FOUND", `there is neither such a document nor a file ${file}`, {
    hint: "write the file first: it becomes the document",
    cause: error,
  });
}

function deletedMeanwhile(error: unknown): unknown {
  if (!(error instanceof CoterieError) || error.code !== "NOT_FOUND") return error;
  return new CoterieError("NOT_FOUND", "the document was deleted since the file was written", {
    hint: "give --replace to write it anew",
    cause: error,
  });
}

/** Undefined when there is no such file. */
async function readText(file: string): Promise<string | undefined> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw fileFault(file, "read", error);
  });
  if (bytes === undefined) return undefined;
  try {
    return decodeUtf8(bytes);
  } catch (error) {
    throw new CoterieError("BAD_VALUE", `${file} is not UTF-8 text`, { cause: error });
  }
}

async function writeText(file: string, text: string): Promise<void> {
  const mode = await stat(file).then(
    (found) => found.mode & 0o777,
    () => undefined, // a new file gets the mode that new files get
  );
  const sink = await openFileSink(file, mode);
  try {
    await sink.write(Buffer.from(text, "utf8"));
    await sink.finish();
  } catch (error) {
    await sink.abandon();
    throw error;
  }
}

function wordsOf({ file, sent, received }: Outcome): string {
  if (sent && received) return `${file}: edits exchanged both ways`;
  if (sent) return `${file}: edits sent`;
  return received ? `${file}: edits of others brought in` : `${file}: nothing new`;
}
