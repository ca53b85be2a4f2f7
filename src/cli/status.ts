import type { Client } from "../control/client.ts";
import { exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { statusPage } from "./status-page.ts";
import type { Run } from "./verb.ts";

const defaultIntervalMs = 2_000;
const pageColumnsMax = 100;

async function page(call: Call, client: Client): Promise<string> {
  const { out } = call;
  const lines = statusPage(await client.status(call.once), {
    columns: out.tty ? Math.min(out.columns, pageColumnsMax) : 80,
    rows: out.tty ? out.rows : 24,
    now: Date.now(),
    paint: out.paint,
  });
  return lines.map((line) => `${line}\n`).join("");
}

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
const home = "\u001b[H";
const clearToEnd = "\u001b[J";
const clearLineEnd = "\u001b[K\n";

/** Ctrl-C ends the process as it would without us, once the cursor is back. */
function giveCursorBack(call: Call): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      call.io.stdout.write(showCursor);
      process.kill(process.pid, signal);
    });
  }
  process.once("exit", () => call.io.stdout.write(showCursor));
}

async function watch(call: Call): Promise<never> {
  const { out } = call;
  const client = await call.client();
  const intervalMs = call.values.number("interval") ?? defaultIntervalMs;
  const redraw = out.tty && !out.json;
  if (redraw) {
    giveCursorBack(call);
    await out.write(`${hideCursor}${home}${clearToEnd}`);
  }
  for (;;) {
    if (out.json) await out.record(await client.status(call.once));
    else if (!redraw) await out.write(`${await page(call, client)}\n`);
    else {
      const text = await page(call, client);
      await out.write(`${home}${text.replaceAll("\n", clearLineEnd)}${clearToEnd}`);
    }
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

export const status: Run = async (call) => {
  if (call.values.flag("watch")) return watch(call);
  const client = await call.client();
  if (call.out.json) await call.out.document(await client.status(call.once));
  else await call.out.write(await page(call, client));
  return exitCodes.ok;
};
