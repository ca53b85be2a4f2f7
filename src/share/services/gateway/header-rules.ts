/**
 * Headers on their way through: what belongs to one hop stays there (RFC 9110, section 7.6.1), what says where a request
 * came from is said by the gateway and by nobody before it (RFC 7239, and the older `X-Forwarded-` names). Framing is
 * never passed on as text: `Transfer-Encoding` is taken off here and made anew by Node.
 */

const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
  "http2-settings",
]);
/** With hyphens or with the underscores that some servers take for them. */
const claims =
  /^(?:forwarded|x[-_]forwarded[-_].*|x[-_]real[-_]ip|(?:x[-_]|true[-_])?client[-_]ip)$/;
/** `Connection` may name headers of the hop; to name these would be to take the request apart. */
const neverDropped: ReadonlySet<string> = new Set(["host", "content-length", "cookie", "origin"]);

type Pairs = readonly (readonly [name: string, value: string])[];

function pairsOf(rawHeaders: readonly string[]): Pairs {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    pairs.push([rawHeaders[at]!, rawHeaders[at + 1]!]);
  }
  return pairs;
}

/** Those that go through, in their order, repeated ones too. */
function endToEnd(rawHeaders: readonly string[]): Pairs {
  const pairs = pairsOf(rawHeaders);
  const named = pairs
    .filter(([name]) => name.toLowerCase() === "connection")
    .flatMap(([, value]) => value.split(",").map((one) => one.trim().toLowerCase()))
    .filter((name) => !neverDropped.has(name));
  const dropped = new Set([...hopByHop, ...named]);
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase()));
}

export type From = {
  /** Address of the local client. */
  readonly address: string;
  readonly host: string;
};

/** For the provider, as a flat list of names and values. */
export function requestHeaders(rawHeaders: readonly string[], { address, host }: From): string[] {
  const kept = endToEnd(rawHeaders).filter(([name]) => !claims.test(name.toLowerCase()));
  const node = address.includes(":") ? `"[${address}]"` : address;
  return [
    ...kept.flat(),
    "Forwarded",
    `for=${node};host="${host}";proto=http`,
    "X-Forwarded-For",
    address,
    "X-Forwarded-Host",
    host,
    "X-Forwarded-Proto",
    "http",
  ];
}

/** For the client, as a flat list. */
export function responseHeaders(rawHeaders: readonly string[]): string[] {
  return endToEnd(rawHeaders).flat();
}
