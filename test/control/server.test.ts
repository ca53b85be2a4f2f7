import { existsSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fork } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Compile } from "typebox/schema";
import type { TSchema } from "typebox";
import * as schema from "../../src/control/schema.ts";
import { startControl } from "../../src/control/server.ts";
import { systemClock } from "../../src/host/clock.ts";
import { ask, errorCode, startFixture, until, type Fixture } from "./fixture.ts";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startFixture();
});
afterEach(() => fixture.close());

const json = { "content-type": "application/json" };

describe("routes", () => {
  test("answer what the daemon says, in the shape of their schemas", async () => {
    const { client } = fixture;
    const answers: [TSchema, unknown][] = [
      [schema.Status, await client.status()],
      [schema.Identity, await client.identity()],
      [schema.Invite, await client.invite()],
      [schema.Peers, await client.peers()],
      [schema.Members, await client.members()],
      [schema.Member, await client.memberForget("fake")],
      [schema.Doctor, await client.doctor()],
      [schema.ConfigView, await client.config()],
      [schema.ConfigReload, await client.reloadConfig()],
      [schema.Faults, await client.faults()],
    ];
    for (const [shape, answer] of answers) {
      expect(Compile(shape).Errors(answer)).toEqual([true, []]);
    }
  });

  test("hand on what the client asks for", async () => {
    await fixture.client.dial(["/ip4/127.0.0.1/tcp/1"]);
    await fixture.client.setFaults({ blockedPeers: ["p"] });
    await fixture.client.shutdown();
    expect(fixture.daemon.calls).toEqual(["dial /ip4/127.0.0.1/tcp/1", "shutdown"]);
    expect(await fixture.client.faults()).toEqual({ blockedPeers: ["p"] });
  });

  test.each([
    ["GET", "/", 404, "NO_ROUTE"],
    ["GET", "/v2/status", 404, "NO_ROUTE"],
    ["GET", "/v1/status/", 404, "NO_ROUTE"],
    ["GET", "http://localhost/v1/status", 404, "NO_ROUTE"],
    ["OPTIONS", "*", 404, "NO_ROUTE"],
    ["DELETE", "/v1/status", 405, "NO_ROUTE"],
    ["HEAD", "/v1/kv/n/k", 405, undefined],
    ["GET", "/v1/status?x=1", 400, "BAD_REQUEST"],
  ])("%s %s is refused", async (method, path, status, code) => {
    const answer = await ask(fixture.socketPath, method, path);
    expect(answer.status).toBe(status);
    if (code !== undefined) expect(errorCode(answer)).toBe(code);
  });

  test("a wrong method is told which ones there are", async () => {
    const answer = await ask(fixture.socketPath, "POST", "/v1/kv/n/k");
    expect(answer.headers["allow"]).toBe("GET, PUT, DELETE");
  });

  test("a body where none belongs, and a wrong one, are refused", async () => {
    const { socketPath } = fixture;
    const unwanted = await ask(socketPath, "POST", "/v1/invite", { headers: json, body: "{}" });
    expect(errorCode(unwanted)).toBe("BAD_REQUEST");
    const none = await ask(socketPath, "POST", "/v1/dial", {
      headers: json,
      body: '{"addresses":[]}',
    });
    expect(none.text).toContain("body/addresses must not have fewer than 1 items");
  });

  test("pages of browsers and other host names are refused", async () => {
    const refusals = [
      { origin: "http://localhost" },
      { origin: "null" },
      { host: "evil.example" },
      { host: "localhost.evil.example" },
      { host: "" },
    ];
    for (const headers of refusals) {
      const answer = await ask(fixture.socketPath, "GET", "/v1/status", { headers });
      expect([answer.status, errorCode(answer)]).toEqual([403, "REFUSED"]);
    }
    for (const host of ["localhost", "coterie", "localhost:80", "COTERIE"]) {
      const answer = await ask(fixture.socketPath, "GET", "/v1/status", { headers: { host } });
      expect(answer.status).toBe(200);
    }
  });

  test("an unexpected error becomes INTERNAL; its stack goes to the log and nowhere else", async () => {
    fixture.daemon.peers = () => {
      throw new TypeError("peers is broken");
    };
    const answer = await ask(fixture.socketPath, "GET", "/v1/peers");
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.text)).toEqual({
      error: { code: "INTERNAL", message: "peers is broken" },
    });
    await until(() => fixture.metrics.read()["control.refused.INTERNAL"] === 1);
  });
});

describe("the socket", () => {
  test("is for its owner alone", () => {
    expect(statSync(fixture.socketPath).mode & 0o777).toBe(0o600);
  });

  test("is for its owner alone under any mask of the process, which stays as it was", async () => {
    const mask = process.umask(0);
    try {
      const other = await startFixture();
      const mode = statSync(other.socketPath).mode & 0o777;
      await other.close();
      expect([mode, process.umask()]).toEqual([0o600, 0]);
    } finally {
      process.umask(mask);
    }
  });

  test("is gone after stopping", async () => {
    await fixture.control.stop();
    expect(existsSync(fixture.socketPath)).toBe(false);
  });
});

function start(socketPath: string): ReturnType<typeof startControl> {
  const { daemon, metrics } = fixture;
  const { log } = daemon.logs;
  return startControl({ daemon, socketPath, log, metrics, clock: systemClock, version: "0" });
}

describe("a second start", () => {
  test("at the socket of a living daemon is refused and leaves that one alone", async () => {
    await expect(start(fixture.socketPath)).rejects.toMatchObject({ code: "ALREADY_RUNNING" });
    expect(await fixture.client.status()).toBeDefined();
  });

  test("removes the socket of a daemon that was killed", async () => {
    const path = join(fixture.folder, "dead.sock");
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.send("up"))`;
    const child = fork("-e", [script], {
      execArgv: [],
      stdio: "ignore",
      execPath: process.execPath,
    });
    await once(child, "message");
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(existsSync(path)).toBe(true);
    const control = await start(path);
    expect((await ask(path, "GET", "/v1/status")).status).toBe(200);
    await control.stop();
  });

  test("does not remove what is no socket", async () => {
    const path = join(fixture.folder, "file");
    writeFileSync(path, "precious");
    await expect(start(path)).rejects.toMatchObject({ code: "BAD_DATA_DIR" });
    const link = join(fixture.folder, "link");
    symlinkSync(path, link);
    await expect(start(link)).rejects.toMatchObject({ code: "BAD_DATA_DIR" });
    expect(existsSync(path)).toBe(true);
  });

  test("says what is wrong with a path it cannot use", async () => {
    const long = join(fixture.folder, "x".repeat(100));
    await expect(start(long)).rejects.toThrow("too long");
    const missing = join(fixture.folder, "missing", "control.sock");
    await expect(start(missing)).rejects.toMatchObject({ code: "BAD_DATA_DIR" });
  });
});

describe("stopping", () => {
  test("lets a request that is under way finish", async () => {
    let finish = (): void => undefined;
    fixture.daemon.doctor = async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      return { checks: [] };
    };
    const asked = fixture.client.doctor();
    await until(() => fixture.metrics.read()["control.requests"] === 1);
    const stopped = fixture.control.stop();
    finish();
    expect(await asked).toEqual({ checks: [] });
    await stopped;
  });

  test("does not wait for one that never ends", async () => {
    fixture.daemon.doctor = () => new Promise(() => undefined);
    const asked = fixture.client.doctor();
    asked.catch(() => undefined);
    await until(() => fixture.metrics.read()["control.requests"] === 1);
    await fixture.control.stop();
    await expect(asked).rejects.toMatchObject({ code: "UNREACHABLE" });
  });

  test("answers the very request that asks for it", async () => {
    let stopped: Promise<void> | undefined;
    fixture.daemon.shutdown = () => {
      stopped = fixture.control.stop();
    };
    await fixture.client.shutdown();
    await stopped;
    await expect(fixture.client.status()).rejects.toMatchObject({ code: "NOT_RUNNING" });
  });

  test("can be asked for twice", async () => {
    await Promise.all([fixture.control.stop(), fixture.control.stop()]);
  });
});
