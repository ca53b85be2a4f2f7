/**
 * Signals of a daemon: the first TERM or INT asks it to leave, the second forces; HUP reloads its configuration. Two at
 * once count as one: a terminal sends Ctrl-C to the launcher and to the daemon, and the launcher passes its own on.
 */
import { systemClock } from "./clock.ts";

const togetherMs = 200;

export type Signals = {
  /** Resolves at the first TERM or INT, or when `ask` is called. */
  readonly asked: Promise<string>;
  ask(why: string): void;
  stop(): void;
};

export function watchSignals(handlers: { force(signal: string): void; reload(): void }): Signals {
  const { promise: asked, resolve } = Promise.withResolvers<string>();
  let askedMs: number | undefined;
  const ask = (why: string): void => {
    askedMs ??= systemClock.monotonicMs();
    resolve(why);
  };
  const onStop = (signal: NodeJS.Signals): void => {
    if (askedMs === undefined) ask(signal);
    else if (systemClock.monotonicMs() - askedMs > togetherMs) handlers.force(signal);
  };
  const onReload = (): void => handlers.reload();
  process.on("SIGTERM", onStop);
  process.on("SIGINT", onStop);
  process.on("SIGHUP", onReload);
  return {
    asked,
    ask,
    stop() {
      process.off("SIGTERM", onStop);
      process.off("SIGINT", onStop);
      process.off("SIGHUP", onReload);
    },
  };
}
