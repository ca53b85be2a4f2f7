/** What the gateway says itself, as a short page: HTML for people, JSON for programs. */
import { STATUS_CODES, type IncomingMessage } from "node:http";

/** Every refusal and failure, with its status. Codes are never renamed. */
export const gatewayErrors = {
  BAD_HOST: 400,
  BAD_TARGET: 400,
  BAD_UPGRADE: 400,
  CROSS_SITE: 403,
  REFUSED: 403,
  TOO_MANY_HEADERS: 431,
  NO_PROVIDER: 502,
  NOT_HTTP: 502,
  PROVIDER_FAILED: 502,
  BUSY: 503,
  TIMEOUT: 504,
} as const;

export type GatewayCode = keyof typeof gatewayErrors;

export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: GatewayCode;

  constructor(code: GatewayCode, message: string) {
    super(message);
    this.code = code;
  }

  get status(): number {
    return gatewayErrors[this.code];
  }
}

export type ErrorPage = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export function errorPage(
  { status, code, message }: GatewayError,
  accept: IncomingMessage["headers"]["accept"],
): ErrorPage {
  const forPeople = accept?.includes("text/html") === true;
  const body = forPeople
    ? htmlPage(status, code, message)
    : `${JSON.stringify({ error: { code, message } })}\n`;
  return {
    status,
    body,
    headers: {
      "content-type": forPeople ? "text/html; charset=utf-8" : "application/json; charset=utf-8",
      "content-length": String(Buffer.byteLength(body)),
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...(forPeople ? { "content-security-policy": "default-src 'none'" } : {}),
    },
  };
}

function htmlPage(status: number, code: string, message: string): string {
  const title = `${status} ${STATUS_CODES[status] ?? ""}`;
  return [
    "<!doctype html>",
    `<html lang="en"><meta charset="utf-8"><title>${title}</title>`,
    `<h1>${title}</h1>`,
    `<p>${escapeHtml(message)}</p>`,
    `<p><small>Coterie gateway, ${code}</small></p></html>`,
    "",
  ].join("\n");
}

function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
