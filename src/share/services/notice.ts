/** What a provider says of its service in the shared state: JSON, of which unknown fields are left alone. */
import { limits } from "../../core/limits.ts";
import { isWeight } from "./record.ts";

export type Notice = {
  readonly http: boolean;
  readonly weight: number;
  /** False while the provider's own checks find its target unwell. */
  readonly up: boolean;
};

export function formatNotice({ http, weight, up }: Notice): string {
  return JSON.stringify({ http, weight, up });
}

/** Undefined for what is none. A weight out of bounds counts as 1: it is another member's word. */
export function parseNotice(text: string): Notice | undefined {
  if (text.length > limits.valueBytesMax) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) return undefined;
    const { http, weight, up } = parsed as Record<string, unknown>;
    return { http: http === true, weight: isWeight(weight) ? weight : 1, up: up !== false };
  } catch {
    return undefined; // not JSON: whoever wrote it provides nothing
  }
}
