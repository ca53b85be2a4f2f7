/** How the client puts what it asks for. */
import type { Ask } from "./client-http.ts";

export function get(...path: string[]): Ask {
  return { method: "GET", path };
}

export function post(...path: string[]): Ask {
  return { method: "POST", path };
}

export function remove(...path: string[]): Ask {
  return { method: "DELETE", path };
}

export function withJson(ask: Ask, body: unknown): Ask {
  return { ...ask, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

/** How the kind of a value is said in HTTP. */
export const valueTypes = {
  text: "text/plain; charset=utf-8",
  json: "application/json",
  bytes: "application/octet-stream",
} as const;

/** A value with its kind: `json` is JSON text, `text` UTF-8. */
export type ClientValue = { readonly kind: keyof typeof valueTypes; readonly bytes: Uint8Array };

export function withValue(ask: Ask, { kind, bytes }: ClientValue): Ask {
  return { ...ask, headers: { "content-type": valueTypes[kind] }, body: bytes };
}
