/** What the daemon refuses before it looks any further. */
import { CoterieError } from "../core/errors.ts";
import { isNamespace, keyFault } from "../core/ids.ts";
import { limits } from "../core/limits.ts";
import type { State } from "../protocol/state/state.ts";

const reservedNamespaces = ["sys", "shares"];

/** Throws `BAD_NAMESPACE`. */
export function checkNamespace(namespace: string): void {
  if (isNamespace(namespace)) return;
  throw new CoterieError("BAD_NAMESPACE", `${JSON.stringify(namespace)} is not a namespace`, {
    hint: "a namespace has 1 to 63 lower-case letters, digits and inner hyphens",
  });
}

/** Throws `BAD_NAMESPACE`, `REFUSED` for namespaces `sys` and `shares`, or `OVERLOADED` for one namespace too many. */
export function checkWritable(namespace: string, state: State): void {
  checkNamespace(namespace);
  if (reservedNamespaces.includes(namespace)) {
    throw new CoterieError("REFUSED", `namespace ${namespace} belongs to the network itself`, {
      hint: "write to another namespace",
    });
  }
  const known = state.namespaces();
  if (known.length >= limits.namespacesMax && !known.includes(namespace)) {
    throw new CoterieError("OVERLOADED", `the network has ${known.length} namespaces already`, {
      hint: "use one of them",
    });
  }
}

/** Throws `BAD_KEY`. */
export function checkKey(key: string): void {
  const fault = keyFault(key);
  if (fault !== undefined) throw new CoterieError("BAD_KEY", fault);
}

/** Throws `TOO_LARGE`. */
export function checkValue(value: { readonly bytes: Uint8Array } | undefined): void {
  const length = value?.bytes.length ?? 0;
  if (length <= limits.valueBytesMax) return;
  throw new CoterieError(
    "TOO_LARGE",
    `a value is at most ${limits.valueBytesMax} bytes; this one has ${length}`,
  );
}
