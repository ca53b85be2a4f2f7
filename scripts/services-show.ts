/**
 * Three providers of one HTTP service behind one forward: `npm run services-show [-- --requests N] [-- --json]`. Spread,
 * what a provider's death costs, and throughput beside a direct connection in the same run. Real daemons on loopback; the
 * service is a program of its own. The exit code is 1 when something wanted was missed.
 */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { launchDaemon, until, type DaemonProcess } from "../test/daemon/daemon-process.ts";
import { connected, joining } from "../test/daemon/pair.ts";

const { values } = parseArgs({
  options: { requests: { type: "string", default: "10000" }, json: { type: "boolean" } },
});
const requests = Number(values.requests);
const atOnce = 16;
const service = "web";

type Result = { readonly ok: boolean; readonly by: string; readonly ms: number };
type Where = { readonly address: string; readonly host?: string };

function ask({ address, host }: Where, agent: Agent | false): Promise<Result> {
  const [name = "", port] = address.split(":");
  const beganMs = performance.now();
  return new Promise((resolve) => {
    const end = (ok: boolean, by = ""): void =>
      resolve({ ok, by, ms: performance.now() - beganMs });
    const headers = host === undefined ? {} : { host };
    const asked = request({ host: name, port, agent, headers }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      answer.on("end", () => end(answer.statusCode === 200, body));
      answer.on("error", () => end(false));
    });
    asked.on("error", () => end(false));
    asked.end();
  });
}

/** So many requests, `atOnce` at a time; `after` runs once when half are done. */
async function load(where: Where, count: number, keepAlive: boolean, after?: () => void) {
  const agent = keepAlive ? new Agent({ keepAlive: true, maxSockets: atOnce }) : false;
  const results: Result[] = [];
  let begun = 0;
  const beganMs = performance.now();
  const worker = async (): Promise<void> => {
    while (begun++ < count) {
      results.push(await ask(where, agent));
      if (results.length === Math.floor(count / 2)) after?.();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  const seconds = (performance.now() - beganMs) / 1_000;
  if (agent !== false) agent.destroy();
  const times = results.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const counts = Object.groupBy(results, ({ by }) => by);
  return {
    perSecond: Math.round(results.length / seconds),
    p50Ms: round(times[Math.floor(times.length * 0.5)]),
    p99Ms: round(times[Math.floor(times.length * 0.99)]),
    failed: results.filter(({ ok }) => !ok).length,
    counts: Object.values(counts).map((some) => some?.length ?? 0),
  };
}

function round(value = Number.NaN): number {
  return Number(value.toFixed(2));
}

async function startServer(name: string): Promise<{ child: ChildProcess; address: string }> {
  const child = fork(join(import.meta.dirname, "services-show", "server.ts"), [name]);
  const [address] = (await once(child, "message")) as [string];
  return { child, address };
}

async function measure(folder: string, daemons: DaemonProcess[], servers: ChildProcess[]) {
  const launch = async (name: string, words: readonly string[]): Promise<DaemonProcess> => {
    const dataDir = join(folder, name);
    mkdirSync(dataDir, { mode: 0o700 });
    writeFileSync(join(dataDir, "config.toml"), '[services]\ngateway = "127.0.0.1:0"\n');
    const daemon = await launchDaemon({ dataDir, words: ["--name", name, ...words] });
    daemons.push(daemon);
    return daemon;
  };
  const user = await launch("user", []);
  const words = await joining(user);
  const addresses: string[] = [];
  for (const name of ["a", "b", "c"]) {
    const provider = await launch(name, words);
    await connected(user, provider);
    const { child, address } = await startServer(name);
    servers.push(child);
    addresses.push(address);
    await provider.client.serviceExpose(service, { tcp: address, http: true, allow: ["all"] });
  }
  const healthy = async (): Promise<number> =>
    (await user.client.services()).services.find(({ name }) => name === service)?.healthy ?? 0;
  await until("all three provide it", async () => (await healthy()) === 3);
  const listen = await user.client.serviceForward(service, { listen: "127.0.0.1:0" });
  const { gateway } = (await user.client.status()).services;
  const port = gateway?.split(":")[1];

  const forward = { address: listen.listen };
  const direct = { address: addresses[0]! };
  const web = { address: gateway!, host: `${service}.localhost:${port}` };
  const warm = Math.min(300, requests);
  for (const where of [direct, forward, web]) await load(where, warm, true);
  const spread = await load(forward, requests, false);
  const plain = await load(direct, requests, false);
  const kept = {
    direct: await load(direct, requests, true),
    forward: await load(forward, requests, true),
    gateway: await load(web, requests, true),
  };

  const before = (await user.client.status()).counters["services.forward_failed"] ?? 0;
  let nextMs = Number.NaN;
  let probe: Promise<void> | undefined;
  const killed = await load(forward, Math.floor(requests / 2), false, () => {
    void daemons.at(-1)?.kill();
    probe = ask(forward, false).then(({ ms }) => void (nextMs = ms));
  });
  await probe;
  const after = (await user.client.status()).counters["services.forward_failed"] ?? 0;
  return {
    spread,
    plain,
    kept,
    killed: { ...killed, nextMs: round(nextMs), notBegun: after - before },
  };
}

const folder = mkdtempSync(join(tmpdir(), "coterie-services-"));
const daemons: DaemonProcess[] = [];
const servers: ChildProcess[] = [];
try {
  const measured = await measure(folder, daemons, servers);
  const { spread, plain, kept, killed } = measured;
  const mean = requests / 3;
  const off = Math.max(...spread.counts.map((count) => Math.abs(count - mean) / mean));
  const met = spread.failed === 0 && off <= 0.1 && killed.notBegun === 0 && killed.nextMs < 2_000;
  if (values.json === true) process.stdout.write(`${JSON.stringify(measured)}\n`);
  else {
    const rate = (name: string, { perSecond, p50Ms, p99Ms }: typeof plain): string =>
      `${name.padEnd(34)} ${perSecond} requests/s, p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
    const lines = [
      `${requests} requests by the forward: ${spread.counts.join(", ")} (within ${(off * 100).toFixed(1)} %), ${spread.failed} failed`,
      `one provider killed under load: ${killed.notBegun} failed that had not begun, ${killed.failed} in all; next answer after ${killed.nextMs} ms`,
      rate("direct, a connection each", plain),
      rate("forward, a connection each", spread),
      rate("direct, connections kept", kept.direct),
      rate("forward, connections kept", kept.forward),
      rate("gateway, connections kept", kept.gateway),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
  if (!met) process.exitCode = 1;
} finally {
  await Promise.all(daemons.map((daemon) => daemon.kill()));
  for (const server of servers) server.kill();
  rmSync(folder, { recursive: true, force: true });
}
