import { resolve } from "node:path";
import { CoterieError, exitCodes } from "../core/errors.ts";
import type { FilesProgress, ShareStatus, ShareView } from "../control/schema.ts";
import type { Call } from "./call.ts";
import { inputChunks } from "./read-input.ts";
import { escapeText } from "./terminal/escape.ts";
import { humanBytes, humanDuration, isoTime, plural, shortPeer } from "./terminal/human.ts";
import type { Column } from "./terminal/list.ts";
import { ProgressLine } from "./terminal/progress-line.ts";
import type { Run } from "./verb.ts";

/** Shows how far it is, how fast, and how much time is left; resolves with the result. */
export async function follow<Result>(
  call: Call,
  progress: AsyncIterable<FilesProgress<Result>>,
): Promise<Result> {
  const line = new ProgressLine(call.io.stderr);
  const startedAt = performance.now();
  try {
    for await (const { bytes, total, result } of progress) {
      if (result !== undefined) return result;
      line.show(() => progressText(bytes, total, performance.now() - startedAt));
    }
  } finally {
    line.clear();
  }
  throw new CoterieError("UNREACHABLE", "the daemon broke off before the end");
}

function progressText(bytes: number, total: number | null, elapsedMs: number): string {
  const perMs = bytes / Math.max(elapsedMs, 1);
  const done = `${humanBytes(bytes)}, ${humanBytes(Math.round(perMs * 1_000))}/s`;
  if (total === null || total < bytes || perMs === 0) return done;
  const left = humanDuration((total - bytes) / perMs);
  return `${done}, ${Math.floor((100 * bytes) / Math.max(total, 1))} % of ${humanBytes(total)}, ${left} left`;
}

/** `3`, or `2..4`. */
function copiesOf(call: Call): { copiesMin: number; copiesMax: number } | undefined {
  const text = call.values.text("copies");
  if (text === undefined) return undefined;
  const [, min, max] = /^(\d{1,3})(?:\.\.(\d{1,3}))?$/.exec(text) ?? [];
  if (min === undefined) {
    throw new CoterieError("USAGE", `--copies wants a number or a range such as 2..4, not ${text}`);
  }
  return { copiesMin: Number(min), copiesMax: Number(max ?? Number(min) + 1) };
}

export const add: Run = async (call) => {
  const path = call.arg(0);
  const name = call.values.text("name");
  const replace = call.values.flag("replace");
  const wish = { ...copiesOf(call), ...(name === undefined ? {} : { name }), replace };
  const client = await call.client();
  if (path === "-" && name === undefined) {
    throw new CoterieError("USAGE", "what comes from stdin needs a name", {
      hint: "add --name NAME",
    });
  }
  const links = (call.values.text("links") ?? "refuse") as "refuse" | "keep" | "skip";
  const progress =
    path === "-"
      ? client.shareAddStream(
          inputChunks("-", call.io.stdin),
          { ...wish, name: name ?? "" },
          call.stream,
        )
      : client.shareAdd({ path: resolve(path), links, ...wish }, call.stream);
  const share = await follow(call, progress);
  if (call.out.json) await call.out.document(share);
  else await call.out.line(`${share.root}  ${escapeText(share.name)}`);
  return exitCodes.ok;
};

export const get: Run = async (call) => {
  const what = call.arg(0);
  const path = resolve(call.values.text("output") ?? (what.split("/").at(-1) || what));
  const got = await follow(call, (await call.client()).fileGet(what, path, call.stream));
  if (call.out.json) await call.out.document(got);
  else await call.out.line(escapeText(got.path));
  return exitCodes.ok;
};

export const cat: Run = async (call) => {
  const client = await call.client();
  if (call.out.json) throw new CoterieError("USAGE", "--json has no use for the bytes of a file");
  for await (const chunk of client.fileBytes(call.arg(0), call.stream)) await call.out.write(chunk);
  return exitCodes.ok;
};

const columns: readonly Column<ShareView>[] = [
  { title: "NAME", plain: ({ name }) => name, widthMax: 40 },
  { title: "SIZE", plain: ({ bytes }) => String(bytes), human: ({ bytes }) => humanBytes(bytes) },
  { title: "KIND", plain: ({ kind }) => kind },
  {
    title: "COPIES",
    plain: ({ holders, copiesMin, copiesMax }) => `${holders.length}/${copiesMin}..${copiesMax}`,
  },
  { title: "HERE", plain: ({ isHere }) => (isHere ? "yes" : "no") },
  { title: "OWNER", plain: ({ owner }) => owner, human: ({ owner }) => shortPeer(owner) },
  {
    title: "ROOT",
    plain: ({ root, isContested }) => (isContested ? `${root} (name taken twice)` : root),
  },
];

export const ls: Run = async (call) => {
  const answer = await (await call.client()).shares(call.once);
  if (call.out.json) await call.out.document(answer);
  else await call.out.list(columns, answer.shares);
  return exitCodes.ok;
};

function statusLines(share: ShareStatus): string[] {
  const { copies, copiesMin, copiesMax, lastRepairAt, holders, held } = share;
  return [
    `name         ${escapeText(share.name)}`,
    `root         ${share.root}${share.isContested ? " (name taken twice)" : ""}`,
    `size         ${humanBytes(share.bytes)}, a ${share.kind}`,
    `copies       ${copies} present, ${copiesMin} to ${copiesMax} wanted`,
    `holders      ${holders.length === 0 ? "-" : holders.join(" ")}`,
    `owner        ${share.owner}`,
    `here         ${share.isHere ? `whole (${held.join(", ")})` : "no"}`,
    `last repair  ${lastRepairAt === null ? "-" : isoTime(lastRepairAt)}`,
  ];
}

export const status: Run = async (call) => {
  const answer = await (await call.client()).share(call.arg(0), call.once);
  if (call.out.json) await call.out.document(answer);
  else for (const line of answer.shares.flatMap(statusLines)) await call.out.line(line);
  return exitCodes.ok;
};

export const rm: Run = async (call) => {
  const name = call.arg(0);
  await (await call.client()).shareRemove(name, call.values.flag("force"), call.once);
  if (call.out.json) await call.out.document({ ok: true });
  else call.out.note(`${escapeText(name)} is not shared any more`);
  return exitCodes.ok;
};

export const pin: Run = async (call) => {
  const pinned = await follow(call, (await call.client()).filePin(call.arg(0), call.stream));
  if (call.out.json) await call.out.document(pinned);
  else call.out.note(`${pinned.root} stays here`);
  return exitCodes.ok;
};

export const unpin: Run = async (call) => {
  await (await call.client()).fileUnpin(call.arg(0), call.once);
  if (call.out.json) await call.out.document({ ok: true });
  else call.out.note("it stays here only while others need it");
  return exitCodes.ok;
};

export const gc: Run = async (call) => {
  const { freedBytes, ...usage } = await follow(
    call,
    (await call.client()).blocksCollect(call.stream),
  );
  if (call.out.json) await call.out.document({ freedBytes, ...usage });
  else {
    const { diskBytes, quotaBytes } = usage;
    const used = `${humanBytes(diskBytes)} of ${humanBytes(quotaBytes)} used`;
    await call.out.line(`${humanBytes(freedBytes)} freed; ${used}`);
  }
  return exitCodes.ok;
};

export const verify: Run = async (call) => {
  const found = await follow(call, (await call.client()).blocksVerify(call.stream));
  if (call.out.json) await call.out.document(found);
  else {
    await call.out.line(`${plural(found.blocks, "block")}, ${humanBytes(found.bytes)} read`);
    for (const cid of found.damaged) await call.out.line(`damaged     ${cid}`);
    for (const cid of found.incomplete) await call.out.line(`incomplete  ${cid}`);
  }
  return found.damaged.length + found.incomplete.length > 0 ? exitCodes.error : exitCodes.ok;
};

export const diag: Run = async (call) => {
  let isFailing = false;
  for await (const finding of (await call.client()).fileDiagnose(call.arg(0), call.stream)) {
    isFailing = finding.verdict === "fail";
    if (call.out.json) await call.out.record(finding);
    else {
      const { verdict, step, detail } = finding;
      await call.out.line(`${verdict.padEnd(4)}  ${step.padEnd(9)}  ${escapeText(detail)}`);
    }
  }
  return isFailing ? exitCodes.error : exitCodes.ok;
};
