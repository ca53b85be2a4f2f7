/**
 * What a request must be before anything is done for it.
 *
 * The gateway acts as this member, and any page of the web can make a browser on this machine send it requests. So the
 * host must be a name under `localhost`, which no server of the web can have, and what may change something (methods other
 * than GET and HEAD, and WebSockets, which browsers let pages open anywhere) must come from a page of the very same
 * service. Browsers say so in `Origin` and `Sec-Fetch-Site`, which pages cannot set; programs send neither.
 */
import type { IncomingMessage } from "node:http";
import { limits } from "../../../core/limits.ts";
import { isServiceName } from "../service-name.ts";
import { GatewayError } from "./gateway-error.ts";

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD"]);

export type Request = Pick<IncomingMessage, "method" | "url" | "headers" | "rawHeaders">;

/** The service that is meant, and its host as the request has it. Throws `GatewayError`. */
export function judgeRequest(
  request: Request,
  { port, isUpgrade }: { readonly port: number; readonly isUpgrade: boolean },
): { service: string; host: string } {
  const { method = "", url = "", headers, rawHeaders } = request;
  if (rawHeaders.length / 2 >= limits.gatewayHeadersMax) {
    throw new GatewayError("TOO_MANY_HEADERS", "the request has too many headers");
  }
  const host = onlyHost(rawHeaders);
  const service = serviceOf(host, port);
  if (!url.startsWith("/")) {
    throw new GatewayError("BAD_TARGET", "the request must name a path, beginning with a slash");
  }
  const { origin, "sec-fetch-site": site } = headers;
  const isSafe = safeMethods.has(method) && !isUpgrade;
  if (!isSafe && isForeign(host, origin, site)) {
    throw new GatewayError("CROSS_SITE", "a page of another site may not do this");
  }
  return { service, host };
}

function onlyHost(rawHeaders: readonly string[]): string {
  const hosts = rawHeaders.filter((_, index) => {
    return index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "host";
  });
  if (hosts.length === 1) return (hosts[0] ?? "").toLowerCase();
  throw new GatewayError("BAD_HOST", "the request must have one Host header");
}

function serviceOf(host: string, port: number): string {
  const [, name = "", given = "80"] = /^([^.:]+)\.localhost(?::(\d{1,5}))?$/.exec(host) ?? [];
  if (isServiceName(name) && Number(given) === port) return name;
  throw new GatewayError(
    "BAD_HOST",
    `the host must be the name of a service under localhost, such as notes.localhost:${port}`,
  );
}

function isForeign(
  host: string,
  origin: string | undefined,
  site: string | string[] | undefined,
): boolean {
  if (origin !== undefined && origin !== `http://${host}`) return true;
  return site !== undefined && site !== "same-origin" && site !== "none";
}
