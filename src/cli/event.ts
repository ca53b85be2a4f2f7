import type { EventMessage } from "../control/schema.ts";
import { exitCodes } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { bytesAsText, escapeText } from "./terminal/escape.ts";
import { clockTime, isoTime, plural, shortPeer } from "./terminal/human.ts";
import type { Output } from "./output.ts";
import { inputChunks, readInput } from "./read-input.ts";
import type { Run } from "./verb.ts";

export const publish: Run = async (call) => {
  const given = call.arg(1);
  const data =
    given === "-"
      ? await readInput(inputChunks("-", call.io.stdin), limits.eventBytesMax, "a message")
      : Buffer.from(given, "utf8");
  const result = await (await call.client()).publish(call.arg(0), data, call.once);
  if (call.out.json) await call.out.document(result);
  else call.out.aside(`handed to ${plural(result.peers, "peer")}`);
  return exitCodes.ok;
};

function messageLine({ author, sentAt, data, dataBase64 }: EventMessage, out: Output): string {
  const text = escapeText(data ?? bytesAsText(Buffer.from(dataBase64 ?? "", "base64")));
  if (!out.tty) return [isoTime(sentAt), author, text].join("\t");
  return `${out.paint("dim", `${clockTime(sentAt)} ${shortPeer(author)}`)}  ${text}`;
}

export const subscribe: Run = async (call) => {
  const { out } = call;
  for await (const message of (await call.client()).subscribe(call.arg(0), call.stream)) {
    if (out.json) await out.record(message);
    else await out.line(messageLine(message, out));
  }
  return exitCodes.ok;
};
