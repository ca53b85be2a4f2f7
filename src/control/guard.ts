/**
 * Keeps browsers out. The socket's mode already decides who may speak here; this holds should the API one day listen
 * on TCP, where a page could send requests of its own (`Origin`) or point a name of its own at us (`Host`).
 */
import type { IncomingHttpHeaders } from "node:http";
import { CoterieError } from "../core/errors.ts";

/** Throws `REFUSED`. */
export function guard(headers: IncomingHttpHeaders): void {
  if (headers.origin !== undefined) {
    throw new CoterieError("REFUSED", "requests of web pages are not taken");
  }
  if (!/^(?:localhost|coterie)(?::\d{1,5})?$/i.test(headers.host ?? "")) {
    throw new CoterieError("REFUSED", "the Host header must be localhost or coterie");
  }
}
