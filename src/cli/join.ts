import { exitCodes } from "../core/errors.ts";
import { printNodeInfo } from "./node-info.ts";
import { ticketWord } from "./ticket-word.ts";
import type { Run } from "./verb.ts";

const done = {
  joined: "joined",
  merged: "took the ticket's addresses for",
  renewed: "took the new secret of",
} as const;

export const join: Run = async (call) => {
  const ticket = await ticketWord(call, call.arg(0));
  const name = call.values.text("name");
  const { joinNode } = await call.loaders.offline();
  const info = await joinNode({
    dataDir: await call.dataDir(),
    ticket,
    ...(name === undefined ? {} : { name }),
  });
  await printNodeInfo(call, done[info.outcome], info);
  return exitCodes.ok;
};
