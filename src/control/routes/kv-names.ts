/** Namespace and key of a path, and the query of listings. */
import { Type, type Static } from "typebox";
import { CoterieError } from "../../core/errors.ts";
import { isNamespace, keyFault } from "../../core/ids.ts";
import { limits } from "../../core/limits.ts";
import type { ListOptions } from "../daemon.ts";

type Params = Readonly<Record<string, string>>;

/** Throws `BAD_NAMESPACE`. */
export function namespaceOf({ ns = "" }: Params): string {
  if (isNamespace(ns)) return ns;
  throw new CoterieError("BAD_NAMESPACE", `${JSON.stringify(ns)} is no name of a namespace`, {
    hint: "lower-case letters, digits and inner hyphens, 1 to 63 characters",
  });
}

/** Throws `BAD_KEY`. */
export function keyOf({ key = "" }: Params): string {
  const fault = keyFault(key);
  if (fault === undefined) return key;
  throw new CoterieError("BAD_KEY", fault);
}

export const ListQuery = Type.Object(
  {
    prefix: Type.Optional(Type.String()),
    after: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.listItemsMax })),
  },
  { additionalProperties: false },
);

export function listOptions(query: Static<typeof ListQuery>): ListOptions {
  const { prefix = "", after, limit = 1_000 } = query;
  return { prefix, limit, ...(after === undefined ? {} : { after }) };
}
