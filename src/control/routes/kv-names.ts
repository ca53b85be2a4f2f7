/** Namespace and key of a path. */
import { CoterieError } from "../../core/errors.ts";
import { isNamespace, keyFault } from "../../core/ids.ts";

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
