/** What this process uses: memory, CPU time, and the longest time its event loop was late lately. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

export type ProcessStats = {
  readonly pid: number;
  readonly rssBytes: number;
  /** Of JavaScript's heap, in use; those of workers are not counted. */
  readonly heapBytes: number;
  readonly cpuMs: number;
  readonly loopDelayMaxMs: number;
};

export type ProcessMonitor = { read(): ProcessStats; stop(): void };

const resolutionMs = 20;

/** Each `read` covers the time since the one before. */
export function monitorProcess(): ProcessMonitor {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  return {
    read() {
      const { user, system } = process.cpuUsage();
      const lateMs = delay.count === 0 ? 0 : Math.max(0, delay.max / 1e6 - resolutionMs);
      delay.reset();
      return {
        pid: process.pid,
        rssBytes: process.memoryUsage.rss(),
        heapBytes: getHeapStatistics().used_heap_size,
        cpuMs: Math.round((user + system) / 1000),
        loopDelayMaxMs: Math.round(lateMs * 10) / 10,
      };
    },
    stop: () => void delay.disable(),
  };
}
