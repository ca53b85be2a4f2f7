/** Services between real daemons: three provide, and the third forwards, with streams over real connections. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { dial, echo, httpProgram, tcpProgram } from "../services/fixture.ts";
import { coterie } from "./command.ts";
import { launchDaemon, until, type DaemonProcess } from "./daemon-process.ts";
import { connected, joining } from "./pair.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
let one: DaemonProcess;
let two: DaemonProcess;
let user: DaemonProcess;

beforeAll(async () => {
  one = await launchDaemon({ dataDir: join(folder, "one"), words: ["--name", "one"] });
  const words = await joining(one);
  [two, user] = (await Promise.all(
    ["two", "user"].map((name) => {
      return launchDaemon({ dataDir: join(folder, name), words: ["--name", name, ...words] });
    }),
  )) as [DaemonProcess, DaemonProcess];
  await Promise.all([connected(one, two), connected(one, user), connected(two, user)]);
  await until("the first knows the others by name", async () => {
    const { members } = await one.client.members();
    return ["two", "user"].every((wanted) => members.some(({ name }) => name === wanted));
  });
});

afterAll(async () => {
  await Promise.all([one, two, user].map((daemon) => daemon?.kill()));
  rmSync(folder, { recursive: true, force: true });
});

/** Waits until the user's node sees so many providers of a service that are well. */
function provided(name: string, count: number): Promise<void> {
  return until(`${count} provide ${name}`, async () => {
    const { services } = await user.client.services();
    return services.find((service) => service.name === name)?.healthy === count;
  });
}

/** One request by a forward, on a connection of its own; its body. */
async function get(listen: string): Promise<string> {
  const [host = "", port] = listen.split(":");
  const asked = request({ host, port, agent: false }).end();
  const [answer] = await once(asked, "response");
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  return body;
}

test("a member that is not on the list sends the target nothing; once it is, and until it is not, bytes flow", async () => {
  const program = await tcpProgram(echo);
  const expose = async (...allow: string[]): Promise<void> => {
    const words = allow.flatMap((who) => ["--allow", who]);
    const line = ["service", "expose", "guarded", "--tcp", program.address, ...words];
    const { code, err } = await coterie(line, { dataDir: one.info.dataDir });
    expect([code, err]).toEqual([0, expect.stringContaining("guarded leads to")]);
  };
  await expose("two");
  await provided("guarded", 1);
  const { listen } = await user.client.serviceForward("guarded", { listen: "127.0.0.1:0" });
  const refused = await dial(listen);
  refused.write("let me in");
  await until("it is turned away", () => refused.over);
  expect(program.seen).toEqual({ connections: 0, bytes: 0 });

  await expose("user");
  const client = await dial(listen);
  client.write("hello");
  await until("it is let in", () => client.received === "hello");
  const beganMs = performance.now();
  await one.client.serviceExpose("guarded", { tcp: program.address, allow: ["two"] });
  await until("the stream is cut", () => client.over);
  expect(performance.now() - beganMs).toBeLessThan(1_000);
  expect((await one.client.status()).counters).toMatchObject({ "services.refused_forbidden": 1 });
});

test("megabytes arrive as they were sent", async () => {
  const program = await tcpProgram(echo);
  await two.client.serviceExpose("big", { tcp: program.address, allow: ["all"] });
  await provided("big", 1);
  const { listen } = await user.client.serviceForward("big", { listen: "127.0.0.1:0" });
  const client = await dial(listen);
  const sent = Buffer.alloc(8_000_000, Buffer.from("0123456789abcdef!"));
  client.end(sent);
  await once(client, "end");
  expect(client.received === sent.toString("latin1")).toBe(true);
});

test("requests are spread evenly, and go on within 2 s when a provider stands still or dies", async () => {
  const web = await httpProgram((_request, response) => response.end("here"));
  for (const daemon of [one, two, user]) {
    await daemon.client.serviceExpose("web", { tcp: web.address, http: true, allow: ["all"] });
  }
  await provided("web", 3);
  const { listen } = await user.client.serviceForward("web", { listen: "127.0.0.1:0" });
  for (let n = 0; n < 90; n++) expect(await get(listen)).toBe("here");
  const { providers } = await user.client.serviceStatus("web");
  for (const { requests } of providers) expect(Math.abs(requests - 30)).toBeLessThanOrEqual(3);

  const slowest = async (): Promise<number> => {
    let most = 0;
    for (let n = 0; n < 9; n++) {
      const beganMs = performance.now();
      expect(await get(listen)).toBe("here");
      most = Math.max(most, performance.now() - beganMs);
    }
    return most;
  };
  two.signal("SIGSTOP"); // connections stay open, and nothing answers
  try {
    expect(await slowest()).toBeLessThan(2_000);
  } finally {
    two.signal("SIGCONT");
  }
  await provided("web", 3);
  await two.kill();
  expect(await slowest()).toBeLessThan(2_000);
});

test("what is exposed and forwarded is kept over a restart, and a stream may end while its provider stops", async () => {
  const program = await tcpProgram((socket) => {
    socket.once("data", () => {
      void until("the daemon is stopping", () =>
        one.log().some(({ message }) => message === "leaving"),
      ).then(() => socket.end("last words"));
    });
  });
  await one.client.serviceExpose("kept", { tcp: program.address, allow: ["all"], weight: 3 });
  await provided("kept", 1);
  const { listen } = await user.client.serviceForward("kept", { listen: "127.0.0.1:0" });
  const client = await dial(listen);
  client.write("?");
  await until("it is open", () => program.seen.bytes === 1);
  one.signal("SIGTERM");
  await until("it ended", () => client.over);
  expect(client.received).toBe("last words");
  expect(await one.ended).toEqual({ code: 0, signal: null });

  one = await launchDaemon({ dataDir: join(folder, "one") });
  const { exposed } = await one.client.serviceStatus("kept");
  expect(exposed).toMatchObject({ target: program.address, allow: ["all"], weight: 3 });
  await provided("kept", 1);
  const again = await dial(listen);
  again.write("?");
  await until("it reaches the target", () => program.seen.bytes === 2);
});
