/** Request targets: every segment and parameter percent-encoded, so that keys may hold anything. */
import { CoterieError } from "../core/errors.ts";

type QueryValue = string | number | boolean | undefined;
/** A list is given as its name several times. */
export type QueryValues = Readonly<Record<string, QueryValue | readonly QueryValue[]>>;

/** Such as `/v1/kv/default/a%2Fb?limit=10`. Throws `BAD_KEY` for text that UTF-8 cannot carry. */
export function requestTarget(segments: readonly string[], query: QueryValues = {}): string {
  const pairs = Object.entries(query).flatMap(([name, given]) =>
    [given]
      .flat()
      .flatMap((value) => (value === undefined ? [] : [`${name}=${encode(String(value))}`])),
  );
  const search = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  return `/v1/${segments.map(encodeSegment).join("/")}${search}`;
}

/** Dots too where they are all of a segment: nothing on the way shall take them for a directory. */
function encodeSegment(segment: string): string {
  return segment === "." || segment === ".." ? segment.replaceAll(".", "%2E") : encode(segment);
}

function encode(text: string): string {
  if (text.isWellFormed()) return encodeURIComponent(text);
  throw new CoterieError("BAD_KEY", "not well-formed Unicode (it has a lone surrogate)");
}
