/** Where a symbolic link leads, judged by its text alone. */

/**
 * True for a target that stays within the folder that is shared, whatever other links within it lead to: relative, up
 * first and never again after it went down, and no further up than `depth`, the folders between the root and the link.
 */
export function staysInside(target: string, depth: number): boolean {
  if (target === "" || target.startsWith("/") || target.includes("\0")) return false;
  const steps = target.split("/").filter((step) => step !== "" && step !== ".");
  const up = steps.findIndex((step) => step !== "..");
  const ups = up < 0 ? steps.length : up;
  return ups <= depth && !steps.slice(ups).includes("..");
}
