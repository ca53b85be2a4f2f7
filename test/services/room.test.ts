/** The services of several nodes with real programs and ports, over tunnels in memory. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ErrorCode } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import type { Services } from "../../src/share/services/services.ts";
import { Village } from "../memory-services.ts";
import { codedError } from "../coded-error.ts";
import { until } from "../daemon/daemon-process.ts";
import { dial, echo, node, tcpProgram } from "./fixture.ts";

/** One provider (node 0) of an echo and one node that forwards to it (node 1). */
async function pair(allow: readonly string[]) {
  const village = new Village();
  const program = await tcpProgram(echo);
  const [provider, user] = [await node(village, 0), await node(village, 1)];
  await provider.expose("echo", { tcp: program.address, allow });
  const { listen } = await user.forward("echo", { listen: "127.0.0.1:0" });
  return { village, program, provider, user, listen };
}

test("bytes go both ways and each half closes on its own", async () => {
  const { listen, provider, user } = await pair(["node-1"]);
  const client = await dial(listen);
  client.end("hello"); // only our half
  await once(client, "end");
  expect(client.received).toBe("hello");
  await until("it is counted", () => provider.status("echo").exposed?.open === 0);
  expect(provider.status("echo").exposed).toMatchObject({ tunnels: 1, bytesIn: 5, bytesOut: 5 });
  expect(user.status("echo").providers).toMatchObject([{ requests: 1, failures: 0, up: true }]);
});

test("an answer that takes its time after the client ended its half arrives", async () => {
  const village = new Village();
  const program = await tcpProgram((socket) => {
    socket.resume().on("end", () => setTimeout(() => socket.end("at last"), 50));
  });
  const [provider, user] = [await node(village, 0), await node(village, 1)];
  await provider.expose("slow", { tcp: program.address, allow: ["all"] });
  const { listen } = await user.forward("slow", { listen: "127.0.0.1:0" });
  const client = await dial(listen);
  client.end("question");
  await until("it ended", () => client.over);
  expect(client.received).toBe("at last");
});

test("a slow reader holds the sender back instead of filling memory", async () => {
  const village = new Village();
  let sent = 0;
  const program = await tcpProgram((socket) => {
    const chunk = Buffer.alloc(64 * 1024);
    const more = (): void => {
      while (sent < 64e6 && socket.write(chunk)) sent += chunk.length;
    };
    socket.on("drain", more);
    more();
  });
  const [provider, user] = [await node(village, 0), await node(village, 1)];
  await provider.expose("flood", { tcp: program.address, allow: ["all"] });
  const { listen } = await user.forward("flood", { listen: "127.0.0.1:0" });
  const client = await dial(listen);
  client.pause();
  let before = -1;
  await until("the sender waits", () => {
    const waits = sent === before && sent > 0;
    before = sent;
    return waits;
  });
  expect(sent).toBeLessThan(48e6); // sockets' buffers and ours, but not all
  client.destroy();
});

test.each([
  ["nobody is allowed", []],
  ["another is allowed", ["node-2"]],
  ["another tag is allowed", ["tag:role=app"]],
])("a member does not reach the target when %s", async (_what, allow) => {
  const { listen, program, provider } = await pair(allow);
  const client = await dial(listen);
  client.write("let me in");
  await until("it is refused", () => client.over);
  expect(client.received).toBe("");
  expect(program.seen).toEqual({ connections: 0, bytes: 0 });
  expect(provider.status("echo").exposed).toMatchObject({ refused: 1, tunnels: 0 });
});

test("a node's own programs are judged by the same list", async () => {
  const { provider, program } = await pair(["node-1"]);
  const { listen } = await provider.forward("echo", { listen: "127.0.0.1:0" });
  const client = await dial(listen);
  await until("it is refused", () => client.over);
  expect(program.seen.connections).toBe(0);
  await provider.expose("echo", { tcp: program.address, allow: ["node-0", "node-1"] });
  const again = await dial(listen);
  again.write("mine");
  await until("it answers", () => again.received === "mine");
});

type Made = Awaited<ReturnType<typeof pair>>;

test.each<[string, string[], (made: Made) => unknown]>([
  ["it is removed", ["all"], ({ provider }) => provider.withdraw("echo")],
  [
    "its list changes",
    ["all"],
    ({ provider, program }) => provider.expose("echo", { tcp: program.address, allow: ["node-2"] }),
  ],
  [
    "the member loses the tag",
    ["tag:role=app"],
    ({ village }) => village.change(village.peer(1), { tags: { role: "guest" } }),
  ],
  [
    "the member is kept out, of which nobody tells",
    ["all"],
    ({ village }) => void (village.member(village.peer(1)).barred = true),
  ],
])("an open stream is cut within a second when %s", async (_what, allow, revoke) => {
  const made = await pair([]);
  made.village.change(made.village.peer(1), { tags: { role: "app" } });
  await made.provider.expose("echo", { tcp: made.program.address, allow });
  const client = await dial(made.listen);
  client.write("hello");
  await until("the stream is open", () => client.received === "hello");
  const beganMs = performance.now();
  void revoke(made);
  await until("it is cut", () => client.over);
  expect(performance.now() - beganMs).toBeLessThan(1_000);
});

test("changing one service leaves the streams of another alone", async () => {
  const { provider, user, program, listen } = await pair(["all"]);
  const other = await tcpProgram(echo);
  await provider.expose("other", { tcp: other.address, allow: ["all"] });
  const client = await dial(listen);
  client.write("one");
  await until("it is open", () => client.received === "one");
  await provider.expose("other", { tcp: program.address, allow: [] });
  await provider.withdraw("other", 0);
  client.write(" two");
  await until("it goes on", () => client.received === "one two");
  expect(user.list().services.map(({ name }) => name)).toEqual(["echo"]);
});

test("a service that is taken back lets open streams end, and nobody in meanwhile", async () => {
  const { provider, listen } = await pair(["all"]);
  const client = await dial(listen);
  client.write("a");
  await until("it is open", () => client.received === "a");
  const gone = provider.withdraw("echo", 5_000);
  const late = await dial(listen);
  await until("a late one is turned away", () => late.over);
  client.end("b");
  await once(client, "end");
  await gone;
  expect(client.received).toBe("ab");
});

test("a provider that dies or accepts and never answers costs the next connection under 2 s", async () => {
  const village = new Village();
  const program = await tcpProgram(echo);
  const [one, two, user] = [await node(village, 0), await node(village, 1), await node(village, 2)];
  for (const each of [one, two])
    await each.expose("echo", { tcp: program.address, allow: ["all"] });
  const { listen } = await user.forward("echo", { listen: "127.0.0.1:0" });
  const answered = async (): Promise<number> => {
    const beganMs = performance.now();
    const client = await dial(listen);
    client.write("x");
    await until("it answers", () => client.received === "x");
    return performance.now() - beganMs;
  };
  village.kill(village.peer(0));
  for (let n = 0; n < 2; n++) expect(await answered()).toBeLessThan(2_000);
  village.change(village.peer(0), { take: () => undefined }); // takes every tunnel, says nothing
  for (let n = 0; n < 2; n++) expect(await answered()).toBeLessThan(2_000);
  expect(user.status("echo").providers[1]).toMatchObject({ failures: 0 });
  expect(user.status("echo").providers.at(0)?.failures).toBeGreaterThan(0);
});

test("what runs is kept over a restart, ports included", async () => {
  const { village, provider, user, listen } = await pair(["tag:role=app", "node-1"]);
  await Promise.all([provider.stop(), user.stop()]);
  const [again, userAgain] = [await node(village, 0), await node(village, 1)];
  expect(again.status("echo").exposed).toMatchObject({ allow: ["tag:role=app", village.peer(1)] });
  expect(userAgain.status("echo").forwards).toMatchObject([{ listen, fault: null }]);
  const client = await dial(listen);
  client.write("still here");
  await until("it answers", () => client.received === "still here");
});

test("a file that cannot be read exposes nothing and is not written over", async () => {
  const village = new Village();
  village.files.set(village.peer(0), '{"version":1,"exposures":[{"name":"x","allow":["everybody"');
  const services = await node(village, 0);
  expect(services.summary()).toMatchObject({ exposed: 0, faults: [expect.any(String)] });
  const expose = () => services.expose("x", { tcp: "127.0.0.1:1", allow: ["all"] });
  await codedError(expose, "BAD_DATA_DIR");
  expect(village.files.get(village.peer(0))).toContain("everybody");
});

test.each<[string, ErrorCode, (services: Services) => Promise<unknown>]>([
  ["another machine's port", "REFUSED", (x) => x.expose("x", { tcp: "192.0.2.1:80" })],
  ["a host name", "BAD_REQUEST", (x) => x.expose("x", { tcp: "example.org:80" })],
  ["no target", "BAD_REQUEST", (x) => x.expose("x", {})],
  ["two targets", "BAD_REQUEST", (x) => x.expose("x", { tcp: "127.0.0.1:80", unix: "/x" })],
  ["a relative socket", "BAD_REQUEST", (x) => x.expose("x", { unix: "relative.sock" })],
  ["a name that is no label", "BAD_REQUEST", (x) => x.expose("Not.A", { tcp: "127.0.0.1:80" })],
  [
    "an unknown member",
    "NOT_FOUND",
    (x) => x.expose("x", { tcp: "127.0.0.1:80", allow: ["stranger"] }),
  ],
  ["half a tag", "BAD_REQUEST", (x) => x.expose("x", { tcp: "127.0.0.1:80", allow: ["tag:role"] })],
  [
    "an unknown check",
    "BAD_REQUEST",
    (x) => x.expose("x", { tcp: "127.0.0.1:80", health: "ping" }),
  ],
  ["a forward for others", "REFUSED", (x) => x.forward("x", { listen: "0.0.0.0:0" })],
  ["removing what is not exposed", "NOT_FOUND", (x) => x.withdraw("x")],
  ["removing no forward", "NOT_FOUND", (x) => x.unforward("x")],
])("%s is refused as %s, and nothing is kept of it", async (_what, code, ask) => {
  const village = new Village();
  const services = await node(village, 0);
  await codedError(() => ask(services), code);
  expect(village.files.size).toBe(0);
});

test("a port that is taken is told to whoever asks, and waited for after a restart", async () => {
  const { village, user, listen } = await pair(["all"]);
  await codedError(() => user.forward("other", { listen }), "CONFLICT");
  await user.stop();
  const [, port] = listen.split(":");
  const squatter = createServer().listen(Number(port), "127.0.0.1");
  await once(squatter, "listening");
  onTestFinished(() => void squatter.close());
  const again = await node(village, 1);
  expect(again.summary().faults).toEqual([expect.stringContaining(listen)]);
});

test("a target that fails its checks is withdrawn, and comes back", async () => {
  const village = new Village();
  const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "program.sock");
  const [provider, user] = [await node(village, 0), await node(village, 1)];
  await provider.expose("checked", { unix: path, allow: ["all"], health: "tcp" });
  const isUp = (): boolean => user.status("checked").providers[0]?.up === true;
  await until("others see that it is unwell", () => !isUp());
  const program = createServer(echo).listen(path);
  onTestFinished(() => void program.close());
  const beganMs = performance.now();
  await until("others see that it is well", isUp);
  // hysteresis: one good check is not enough
  expect(performance.now() - beganMs).toBeGreaterThan(limits.healthIntervalMs * 0.9);
}, 20_000);
