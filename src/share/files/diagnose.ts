/** Why something can or cannot be had, step by step: from what is here to what each member answers. */
import type { CID } from "multiformats/cid";
import { toCoterieError } from "../../core/errors.ts";
import type { PeerName } from "../../core/ports.ts";
import type { BlockStore } from "./block-store.ts";
import type { LocalDag } from "./local-dag.ts";
import type { Candidates, Fetcher, Providers, ShareState } from "./ports.ts";

export type Finding = {
  readonly step: string;
  readonly verdict: "ok" | "warn" | "fail";
  readonly detail: string;
};

export type DiagnoseParts = {
  readonly blocks: Pick<BlockStore, "has" | "usage">;
  readonly dag: Pick<LocalDag, "isWhole">;
  readonly shares: Pick<ShareState, "holders">;
  readonly candidates: Pick<Candidates, "self">;
  readonly fetcher: Pick<Fetcher, "probe">;
  readonly providers: Pick<Providers, "find">;
};

export async function* diagnose(
  parts: DiagnoseParts,
  root: CID,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  if (await parts.dag.isWhole(root, signal)) {
    yield { step: "here", verdict: "ok", detail: "all of it is on this node" };
    return;
  }
  const detail = parts.blocks.has(root) ? "a part of it is here" : "it is not on this node";
  yield { step: "here", verdict: "warn", detail };
  yield quotaOf(parts);
  const holders = parts.shares.holders(root.toString());
  const others = holders.filter((peer) => peer !== parts.candidates.self);
  yield counted("holders", others, "said to hold it");
  const providers = yield* providersOf(parts, root, signal);
  const peers = new Set([...others, ...providers]);
  if (peers.size === 0) {
    yield { step: "member", verdict: "fail", detail: "no member was found that has it" };
  }
  for (const peer of peers) yield await probed(parts, root, peer, signal);
}

function quotaOf({ blocks }: DiagnoseParts): Finding {
  const { quotaBytes, liveBytes, cachedBytes } = blocks.usage();
  const room = quotaBytes - liveBytes + cachedBytes;
  return room > 0
    ? { step: "quota", verdict: "ok", detail: `${room} bytes may come` }
    : { step: "quota", verdict: "fail", detail: "files.quota is used up" };
}

function counted(step: string, peers: readonly PeerName[], what: string): Finding {
  const members = peers.length === 1 ? "1 member" : `${peers.length} members`;
  return { step, verdict: peers.length > 0 ? "ok" : "warn", detail: `${members} ${what}` };
}

async function* providersOf(
  { providers }: DiagnoseParts,
  root: CID,
  signal: AbortSignal,
): AsyncGenerator<Finding, readonly PeerName[]> {
  try {
    const found = await providers.find(root, signal);
    yield counted("providers", found, "named for it by the DHT");
    return found;
  } catch (error) {
    yield { step: "providers", verdict: "fail", detail: toCoterieError(error).message };
    return [];
  }
}

async function probed(
  { fetcher }: DiagnoseParts,
  root: CID,
  peer: PeerName,
  signal: AbortSignal,
): Promise<Finding> {
  try {
    const { gives, detail } = await fetcher.probe(root, peer, signal);
    return { step: "member", verdict: gives ? "ok" : "fail", detail: `${peer}: ${detail}` };
  } catch (error) {
    const { code, message } = toCoterieError(error);
    return { step: "member", verdict: "fail", detail: `${peer}: ${message} (${code})` };
  }
}
