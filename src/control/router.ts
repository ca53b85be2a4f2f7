/**
 * From a request target to a route and its parameters. Works on the target as it was sent: nothing normalises it, so
 * that a percent-encoded key may hold slashes or be `.` or `..`.
 */
import { CoterieError } from "../core/errors.ts";
import type { Route } from "./route.ts";

export type Match = {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
  /** What follows the question mark. */
  readonly search: string;
};

/** The path exists, but not with this method; answered with 405 and the `Allow` header. */
export class WrongMethod extends CoterieError {
  readonly allow: string;

  constructor(method: string, routes: readonly Route[]) {
    const allow = routes.map((route) => route.method).join(", ");
    super("NO_ROUTE", `${method} is not possible here`, { hint: `possible: ${allow}` });
    this.allow = allow;
  }
}

/** Throws `NO_ROUTE`, or `BAD_REQUEST` for broken percent-encoding. */
export function createRouter(routes: readonly Route[]): (method: string, target: string) => Match {
  const rows = routes.map((route) => ({ route, pattern: route.path.split("/") }));
  return (method, target) => {
    const [path, search] = splitTarget(target);
    const segments = path.split("/");
    const found = rows.filter((row) => fits(row.pattern, segments));
    if (found.length === 0) throw noRoute(segments);
    const row = found.find((candidate) => candidate.route.method === method);
    if (row === undefined)
      throw new WrongMethod(
        method,
        found.map((candidate) => candidate.route),
      );
    return { route: row.route, params: paramsOf(row.pattern, segments), search };
  };
}

function splitTarget(target: string): [path: string, search: string] {
  const mark = target.indexOf("?");
  return mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark + 1)];
}

function isParameter(part: string): boolean {
  return part.startsWith("{");
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) => isParameter(part) || part === segments[index])
  );
}

function paramsOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    if (isParameter(part)) params[part.slice(1, -1)] = percentDecode(segments[index] ?? "", "path");
  }
  return params;
}

/** Throws `BAD_REQUEST` for anything but percent-encoded UTF-8. */
export function percentDecode(text: string, where: string): string {
  try {
    if (/^[\u0021-\u007e]*$/.test(text)) return decodeURIComponent(text);
  } catch {
    // falls through: a broken escape, or one of bytes that are no UTF-8
  }
  throw new CoterieError("BAD_REQUEST", `the ${where} is not percent-encoded UTF-8`);
}

/** Nouns whose paths end with a key. */
const keyed = new Set(["kv", "multi", "counter", "set", "log", "doc", "explain"]);

function noRoute(segments: readonly string[]): CoterieError {
  const slashInKey = segments.length > 5 && segments[1] === "v1" && keyed.has(segments[2] ?? "");
  return new CoterieError("NO_ROUTE", "there is no such path in this API", {
    hint: slashInKey ? "write slashes inside a key as %2F" : "GET /v1/openapi.json lists all paths",
  });
}
