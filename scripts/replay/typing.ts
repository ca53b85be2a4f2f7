/** One author: the history in pages of edits, each page on disk before the next, then a restart and the first reading. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { launchDaemon } from "../../test/daemon/daemon-process.ts";
import { storeBytes, timed, type Report, type Trace } from "./trace.ts";

export async function replayTyping(trace: Trace, page: number): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "coterie-replay-"));
  const dataDir = join(folder, "node");
  let daemon = await launchDaemon({ dataDir });
  try {
    const start = trace.startContent ?? "";
    if (start !== "") await daemon.client.docEdit("default", "paper", [[0, 0, start]]);
    const edits = trace.txns.flatMap(({ patches }) => patches);
    const before = await daemon.client.status();
    let loopDelayMaxMs = 0;
    const replay = await timed(async () => {
      for (let from = 0; from < edits.length; from += page) {
        await daemon.client.docEdit("default", "paper", edits.slice(from, from + page));
        const { process: stats } = await daemon.client.status();
        loopDelayMaxMs = Math.max(loopDelayMaxMs, stats.loopDelayMaxMs);
      }
    });
    const warm = await timed(() => daemon.client.docGet("default", "paper"));
    const after = await daemon.client.status();
    await daemon.client.shutdown();
    await daemon.ended;
    daemon = await launchDaemon({ dataDir });
    const idle = await daemon.client.status();
    const opened = await timed(() => daemon.client.docGet("default", "paper"));
    const open = await daemon.client.status();
    const { entries } = opened.value;
    return {
      edits: edits.length,
      exact: opened.value.text === trace.endContent && warm.value.text === trace.endContent,
      replayMs: replay.ms,
      editsPerSecond: Math.round((edits.length / replay.ms) * 1_000),
      loopDelayMaxMs,
      readMs: warm.ms,
      cpuMs: after.process.cpuMs - before.process.cpuMs,
      rssBytes: after.process.rssBytes,
      entries,
      updateBytes: (await daemon.client.docList("default", {})).items[0]?.bytes ?? 0,
      storeBytes: storeBytes(daemon),
      startMs: Math.round(daemon.readyMs),
      openMs: opened.ms,
      rssIdleBytes: idle.process.rssBytes,
      rssOpenBytes: open.process.rssBytes,
    };
  } finally {
    await daemon.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}
