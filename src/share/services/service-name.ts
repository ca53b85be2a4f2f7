/** The name of a service: a DNS label, since it is the first of its host name. */
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";

export function isServiceName(name: string): boolean {
  return (
    name.length <= limits.serviceNameBytesMax && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(name)
  );
}

export function checkServiceName(name: string): string {
  if (isServiceName(name)) return name;
  throw new CoterieError("BAD_REQUEST", `${JSON.stringify(name)} cannot be the name of a service`, {
    hint: "1 to 63 lower-case letters, digits and inner hyphens",
  });
}
