/** What a person reads when the daemon is up: where it is, and what to do next. */
import type { Call } from "./call.ts";
import { escapeText } from "./terminal/escape.ts";
import type { ReadyInfo } from "./loaders.ts";

export function readyText(call: Call, info: ReadyInfo): string {
  if (call.out.json) return `${JSON.stringify(info)}\n`;
  const network = escapeText(info.network.name);
  const next = [
    [call.command("status"), "what it is doing"],
    [call.command("invite"), "a ticket that lets another machine join"],
    [call.command("kv put hello world"), "a key that every member will have"],
  ] as const;
  const width = Math.max(...next.map(([command]) => command.length));
  return [
    info.created
      ? `coterie is up as ${escapeText(info.name)}, with a new identity, in network ${network}`
      : `coterie is up as ${escapeText(info.name)} in network ${network}`,
    `  peer       ${info.peerId}`,
    `  network    ${info.network.id}`,
    `  data       ${escapeText(info.dataDir)}`,
    `  process    ${info.pid}`,
    ...info.addresses.map(
      (address, index) => `  ${index === 0 ? "listening" : "         "}  ${address}`,
    ),
    "Next:",
    ...next.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`),
    "",
  ].join("\n");
}
