import { exitCodes } from "../core/errors.ts";
import type { Run } from "./verb.ts";

export const invite: Run = async (call) => {
  const invitation = await (await call.client()).invite(call.once);
  if (call.out.json) {
    await call.out.document(invitation);
    return exitCodes.ok;
  }
  await call.out.line(invitation.ticket);
  call.out.note(
    `Whoever holds this ticket is in network ${invitation.network.name}: hand it out by a private channel. ` +
      "Removing somebody is not possible yet; it comes with a later version.",
  );
  return exitCodes.ok;
};
