/** The checks of a target: that it takes a connection, or that it answers a request well. */
import { request } from "node:http";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import type { Target } from "./endpoint.ts";
import { connectTarget } from "./target.ts";

export type HealthCheck =
  | { readonly kind: "tcp" }
  | { readonly kind: "http"; readonly path: string };

/** `tcp` or `http:/path`; undefined for anything else. */
export function parseHealth(text: string): HealthCheck | undefined {
  if (text === "tcp") return { kind: "tcp" };
  const [, path] = /^http:(\/[\x21-\x7e]{0,1023})$/.exec(text) ?? [];
  return path === undefined ? undefined : { kind: "http", path };
}

export function checkHealthText(text: string): HealthCheck {
  const check = parseHealth(text);
  if (check !== undefined) return check;
  throw new CoterieError("BAD_REQUEST", `${JSON.stringify(text)} is no health check`, {
    hint: "give tcp, or http:/path",
  });
}

export function healthText(check: HealthCheck): string {
  return check.kind === "tcp" ? "tcp" : `http:${check.path}`;
}

/** Whether the target is well, within `healthAnswerMs`: for `http` any status below 400 is. */
export async function isWell(target: Target, check: HealthCheck, clock: Clock): Promise<boolean> {
  if (check.kind === "http") return answersWell(target, check.path, clock);
  try {
    const socket = await connectTarget(target, clock);
    socket.destroy();
    return true;
  } catch {
    return false; // which is the answer
  }
}

function answersWell(target: Target, path: string, clock: Clock): Promise<boolean> {
  const where =
    target.kind === "unix" ? { socketPath: target.path } : { host: target.host, port: target.port };
  return new Promise((resolve) => {
    const asked = request({ ...where, path, agent: false, headers: { host: "localhost" } });
    const settle = (well: boolean): void => {
      cancel();
      asked.destroy();
      resolve(well);
    };
    const cancel = clock.after(limits.healthAnswerMs, () => settle(false));
    asked.on("response", ({ statusCode = 500 }) => settle(statusCode < 400));
    asked.on("error", () => settle(false));
    asked.end();
  });
}
