/** Query strings, strictly: every parameter known, of its type, and given once if it is no list. */
import type { TArray, TObject, TSchema } from "typebox";
import { CoterieError } from "../core/errors.ts";
import { percentDecode } from "./router.ts";
import { check } from "./validate.ts";

/**
 * The parameters by the schema's names, numbers and booleans converted. Throws `BAD_REQUEST` naming the parameter.
 * A plus sign is a space, as HTML forms and `URLSearchParams` have it.
 */
export function parseQuery(search: string, schema: TObject | undefined): Record<string, unknown> {
  const query: Record<string, unknown> = {};
  for (const part of search.split("&")) {
    if (part === "") continue;
    const [name, text] = splitPair(part);
    const type = schema?.properties[name];
    if (type === undefined || !Object.hasOwn(schema?.properties ?? {}, name)) {
      throw new CoterieError("BAD_REQUEST", `unknown query parameter ${JSON.stringify(name)}`);
    }
    if (isList(type)) {
      const items = (query[name] ??= []) as unknown[];
      items.push(convert(text, type.items));
      continue;
    }
    if (Object.hasOwn(query, name)) {
      throw new CoterieError("BAD_REQUEST", `the query parameter "${name}" is given twice`);
    }
    query[name] = convert(text, type);
  }
  if (schema !== undefined) check(schema, query, "query");
  return query;
}

function isList(schema: TSchema): schema is TArray {
  return (schema as { type?: unknown }).type === "array";
}

function splitPair(part: string): [name: string, value: string] {
  const equals = part.indexOf("=");
  const name = equals < 0 ? part : part.slice(0, equals);
  const value = equals < 0 ? "" : part.slice(equals + 1);
  return [decode(name), decode(value)];
}

function decode(text: string): string {
  return percentDecode(text.replaceAll("+", "%20"), "query");
}

/** What cannot be converted stays text, for the schema to refuse. */
function convert(text: string, schema: TSchema): unknown {
  const type = (schema as { type?: unknown }).type;
  if (type === "integer" && /^\d{1,15}$/.test(text)) return Number(text);
  if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
  return text;
}
