/** Which members a caller wants to see. */
import { CoterieError } from "../core/errors.ts";
import { parseTag } from "../core/tags.ts";
import type { Member, MembersQuery } from "./schema.ts";

export type MemberFilter = (member: Member) => boolean;

/** Those of the status that have all of the tags. Throws `BAD_REQUEST` for what is no tag. */
export function memberFilter({ status, tag = [] }: MembersQuery): MemberFilter {
  const tags = tag.map((text) => {
    const parsed = parseTag(text);
    if (parsed !== undefined) return parsed;
    throw new CoterieError("BAD_REQUEST", `${JSON.stringify(text)} is no tag`, {
      hint: "a tag is written NAME=VALUE, such as role=worker",
    });
  });
  return (member) =>
    (status === undefined || member.status === status) &&
    tags.every(({ name, value }) => member.tags[name] === value);
}

export async function* wantedOf(
  members: AsyncIterable<Member>,
  isWanted: MemberFilter,
): AsyncGenerator<Member> {
  for await (const member of members) if (isWanted(member)) yield member;
}
