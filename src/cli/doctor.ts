import type { Doctor, DoctorCheck } from "../control/schema.ts";
import { exitCodes, toCoterieError } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { escapeText } from "./terminal/escape.ts";
import type { Style } from "./terminal/paint.ts";
import type { Run } from "./verb.ts";

const styles: Readonly<Record<DoctorCheck["verdict"], Style>> = {
  ok: "green",
  warn: "yellow",
  fail: "red",
  skip: "dim",
};

/** By the daemon, or without one that answers by ourselves. */
async function examine(call: Call): Promise<Doctor> {
  try {
    return await (await call.client()).doctor(call.once);
  } catch (thrown) {
    const error = toCoterieError(call.explained(thrown));
    const { offlineDoctor } = await call.loaders.offline();
    const { checks } = await offlineDoctor(await call.dataDir());
    if (error.code === "NOT_RUNNING") return { checks };
    const answering: DoctorCheck = {
      name: "daemon answers",
      verdict: "fail",
      detail: error.message,
      remedy: error.hint ?? `stop it and start it again: ${call.command("down")}`,
    };
    return { checks: [answering, ...checks] };
  }
}

async function print(call: Call, { checks }: Doctor): Promise<void> {
  const { out } = call;
  if (!out.tty) {
    await out.list(
      [
        { title: "VERDICT", plain: (check: DoctorCheck) => check.verdict },
        { title: "CHECK", plain: (check) => check.name },
        { title: "DETAIL", plain: (check) => check.detail },
        { title: "REMEDY", plain: (check) => check.remedy ?? "-" },
      ],
      checks,
    );
    return;
  }
  const width = Math.max(0, ...checks.map((check) => escapeText(check.name).length));
  for (const { name, verdict, detail, remedy } of checks) {
    const mark = out.paint(styles[verdict], verdict.padEnd(4));
    await out.line(`${mark}  ${escapeText(name).padEnd(width)}  ${escapeText(detail)}`);
    if (remedy !== null)
      await out.line(`${" ".repeat(width + 8)}${out.paint("bold", escapeText(remedy))}`);
  }
}

export const doctor: Run = async (call) => {
  const report = await examine(call);
  if (call.out.json) await call.out.document(report);
  else await print(call, report);
  const failed = report.checks.some((check) => check.verdict === "fail");
  return failed ? exitCodes.error : exitCodes.ok;
};
