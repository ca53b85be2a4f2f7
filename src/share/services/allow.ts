/**
 * Who may use a service: a list of rules, empty at first, so that nobody may. The one decision is `isAllowed`; it is asked
 * for every tunnel, those of this node's own programs included, and again while tunnels are open.
 */
import { CoterieError } from "../../core/errors.ts";
import { isPeerName } from "../../core/ids.ts";
import type { PeerName } from "../../core/ports.ts";
import type { Members } from "./ports.ts";

/** `all` are all members. A member is known by its key, whatever it calls itself. */
export type AllowRule =
  | { readonly kind: "all" }
  | { readonly kind: "member"; readonly peer: PeerName }
  | { readonly kind: "tag"; readonly key: string; readonly value: string };

const tagForm = /^tag:([^=\s]{1,128})=(\S{0,256})$/;

/** As it is written: `all`, `tag:k=v`, or a peer id. Undefined for anything else. */
export function parseRule(text: string): AllowRule | undefined {
  if (text === "all") return { kind: "all" };
  const [, key, value] = tagForm.exec(text) ?? [];
  if (key !== undefined && value !== undefined) return { kind: "tag", key, value };
  return isPeerName(text) ? { kind: "member", peer: text } : undefined;
}

/** As a person gives it: a member's name, too, which is looked up now. Throws `BAD_REQUEST`, `NOT_FOUND`, `CONFLICT`. */
export function resolveRule(text: string, members: Pick<Members, "find">): AllowRule {
  const rule = parseRule(text);
  if (rule !== undefined) return rule;
  if (text.startsWith("tag:")) {
    throw new CoterieError("BAD_REQUEST", `${JSON.stringify(text)} is no tag`, {
      hint: "tags are given as tag:KEY=VALUE",
    });
  }
  return { kind: "member", peer: members.find(text) };
}

export function ruleText(rule: AllowRule): string {
  if (rule.kind === "all") return "all";
  return rule.kind === "member" ? rule.peer : `tag:${rule.key}=${rule.value}`;
}

export function isAllowed(
  rules: readonly AllowRule[],
  peer: PeerName,
  members: Pick<Members, "tagsOf" | "isBarred">,
): boolean {
  if (members.isBarred(peer)) return false;
  return rules.some((rule) => {
    if (rule.kind === "all") return true;
    if (rule.kind === "member") return rule.peer === peer;
    const tags = members.tagsOf(peer);
    return Object.hasOwn(tags, rule.key) && tags[rule.key] === rule.value;
  });
}
