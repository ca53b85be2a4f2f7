/** Why a dial failed, as a coded error: libp2p wraps, joins and renames errors, and keeps at best their messages. */
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { handshakeRefused } from "./encrypter.ts";

const noCommonHandshake =
  "the peer does not offer this network's handshake: it is of another epoch, or no Coterie node";

export function dialError(error: unknown): CoterieError {
  const causes = leaves(error);
  const coded = causes.find((cause) => cause instanceof CoterieError);
  if (coded !== undefined) return coded;
  const messages = causes.map(messageOf);
  if (messages.some((message) => message.includes(handshakeRefused))) {
    return new CoterieError("WRONG_NETWORK", handshakeRefused, { cause: error });
  }
  if (messages.some((message) => message.includes("could not negotiate"))) {
    return new CoterieError("WRONG_NETWORK", noCommonHandshake, { cause: error });
  }
  if (causes.length > 0 && causes.every(isTimeout)) {
    return new CoterieError("TIMEOUT", "the peer did not answer in time", { cause: error });
  }
  const reasons = [...new Set(messages)].join("; ");
  return new CoterieError("UNREACHABLE", `the peer cannot be reached: ${reasons}`, {
    cause: error,
  });
}

/** The most telling of several failures: a refused handshake, then a refusal, then silence. */
export function worstOf(errors: readonly CoterieError[]): CoterieError {
  const ranks: readonly string[] = ["WRONG_NETWORK", "UNREACHABLE", "TIMEOUT"];
  for (const code of ranks) {
    const found = errors.find((error) => error.code === code);
    if (found !== undefined) return found;
  }
  return errors[0] ?? new CoterieError("UNREACHABLE", "there was no address to dial");
}

function leaves(error: unknown): unknown[] {
  return error instanceof AggregateError ? error.errors.flatMap(leaves) : [error];
}

/** A deadline inside the handshake is wrapped there, and only its text is left. */
function isTimeout(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const byName = error.name === "TimeoutError" || error.name === "AbortError";
  return byName || error.message.includes("aborted due to timeout");
}

function messageOf(error: unknown): string {
  const { message } = toCoterieError(error);
  return message.startsWith("connection error ")
    ? message.slice("connection error ".length)
    : message;
}
