/**
 * What a session sends of our state: a window of bundles, produced in slices, one per input of the machine, so
 * that no input takes long. Both sides send entries by name; both answer streams.
 */
import { limits } from "../../core/limits.ts";
import type { ReconItem } from "../../core/ports.ts";
import { digestOf } from "./digests.ts";
import type { Frame } from "./frames.ts";
import { packBundles } from "./pack.ts";
import { endBound, laterBound } from "./position.ts";
import type { Job } from "./job.ts";
import type { Session, Shared } from "./session.ts";

/** About 10 ms of reading and encoding: many entries of few headers, or few of many. */
const sliceBytes = 64 * 1024;
const sliceItems = 256;

/** Sends entries until all are dealt with or the window is full; answers how many were dealt with, found or not. */
export function* supplyItems(
  { replica }: Shared,
  session: Session,
  namespace: string,
  items: readonly ReconItem[],
): Job<number> {
  let dealt = 0;
  let leftBytes = limits.syncWindowBytes;
  while (dealt < items.length && leftBytes > 0) {
    if (dealt > 0) yield;
    const maxBytes = Math.min(sliceBytes, leftBytes);
    const { bundles, sent } = replica.bundles(
      namespace,
      items.slice(dealt, dealt + sliceItems),
      maxBytes,
    );
    if (sent === 0) break;
    dealt += sent;
    session.sent += sent;
    leftBytes -= sendBundles(session, bundles);
  }
  return dealt;
}

/** Answers a `stream`: entries in order until the window is full, then an end. */
export function* supplyStream(
  { replica, cursors }: Shared,
  session: Session,
  { namespace, from, windowBytes }: Extract<Frame, { kind: "stream" }>,
): Job<void> {
  let next = laterBound(session.lower, from);
  let leftBytes = windowBytes;
  for (;;) {
    const maxBytes = Math.min(sliceBytes, leftBytes);
    const slice = replica.stream(namespace, next, endBound, maxBytes);
    session.sent += replica.summary(namespace, next, slice.next ?? endBound).count;
    leftBytes -= sendBundles(session, slice.bundles);
    if (slice.next === undefined || leftBytes <= 0) {
      const digest = digestOf(replica, namespace, session.lower);
      cursors.served(session.peer, namespace, slice.next !== undefined);
      session.send({ kind: "end", namespace, digest, dealt: 0, next: slice.next });
      return;
    }
    next = slice.next;
    yield;
  }
}

/** Answers how many bytes the bundles have. */
function sendBundles(session: Session, bundles: readonly Uint8Array[]): number {
  for (const frame of packBundles(bundles)) session.send(frame);
  return bundles.reduce((sum, bundle) => sum + bundle.length, 0);
}
