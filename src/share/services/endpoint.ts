/** Where programs of this machine listen: a port on a loopback address, or a unix socket. */
import { isIP } from "node:net";
import { isAbsolute } from "node:path";
import { CoterieError } from "../../core/errors.ts";

export type TcpEndpoint = { readonly host: string; readonly port: number };
export type Target =
  | ({ readonly kind: "tcp" } & TcpEndpoint)
  | { readonly kind: "unix"; readonly path: string };

/** sun_path holds 108 bytes on Linux, 104 on macOS. */
const pathBytesMax = 104;

export function isLoopbackHost(host: string): boolean {
  return host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`; undefined for anything else. */
export function parseEndpoint(text: string): TcpEndpoint | undefined {
  const [, inner, outer, digits = ""] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const given = inner ?? outer;
  const host = given === "localhost" ? "127.0.0.1" : given;
  const port = Number(digits);
  if (host === undefined || isIP(host) === 0 || port > 65_535) return undefined;
  return { host, port };
}

/** Throws `BAD_REQUEST`; port 0 only where any free one will do. */
export function checkEndpoint(text: string, what: string, portMin = 1): TcpEndpoint {
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined || endpoint.port < portMin) {
    throw new CoterieError("BAD_REQUEST", `${JSON.stringify(text)} is no address for ${what}`, {
      hint: "give an address and a port, such as 127.0.0.1:8080",
    });
  }
  if (isLoopbackHost(endpoint.host)) return endpoint;
  throw new CoterieError("REFUSED", `${what} must be on this machine, not at ${endpoint.host}`, {
    hint: "give a loopback address, such as 127.0.0.1",
  });
}

export function checkUnixPath(path: string): string {
  if (isAbsolute(path) && Buffer.byteLength(path) <= pathBytesMax && !path.includes("\0")) {
    return path;
  }
  throw new CoterieError("BAD_REQUEST", `${JSON.stringify(path)} is no path of a unix socket`, {
    hint: `give an absolute path of at most ${pathBytesMax} bytes`,
  });
}

export function endpointText({ host, port }: TcpEndpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

export function targetText(target: Target): string {
  return target.kind === "unix" ? `unix:${target.path}` : endpointText(target);
}

export function sameTarget(a: Target, b: Target): boolean {
  return targetText(a) === targetText(b);
}
