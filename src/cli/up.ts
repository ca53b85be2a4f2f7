import type { Call } from "./call.ts";
import type { Flags } from "./loaders.ts";
import { readyText } from "./ready.ts";
import { ticketWord } from "./ticket-word.ts";
import type { Run } from "./verb.ts";

function flagsOf({ values }: Call): Flags {
  const flags: Flags = {};
  const listen = values.list("listen");
  const name = values.text("name");
  const level = values.text("log-level");
  if (listen.length > 0) flags["network.listen"] = [...listen];
  if (name !== undefined) flags["node.name"] = name;
  if (values.flag("no-mdns")) flags["network.mdns"] = false;
  if (level !== undefined) flags["log.level"] = level;
  return flags;
}

async function foreground(call: Call): Promise<number> {
  const join = call.values.text("join");
  const room = call.loaders.daemon(); // most of a start is loading, and the ticket may still be on its way
  const joinTicket = join === undefined ? undefined : await ticketWord(call, join);
  // a ticket on the command line would stay in the list of processes as long as the daemon runs
  if (joinTicket !== undefined) process.title = "coterie";
  const { runDaemon } = await room;
  return runDaemon({
    dataDir: await call.dataDir(),
    flags: flagsOf(call),
    enableFaults: call.values.flag("enable-faults"),
    lifeline: call.values.flag("lifeline"),
    ...(joinTicket === undefined ? {} : { joinTicket }),
    onReady: (info) => {
      call.io.stdout.write(readyText(call, info));
    },
  });
}

export const up: Run = async (call) => {
  if (!call.values.flag("detach")) return foreground(call);
  const { detach } = await import("./detach.ts");
  return detach(call);
};
