import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createPlainServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createClient, type Client } from "../../src/control/client.ts";
import { collect, startFixture, until } from "./fixture.ts";

let folder: string;
let socketPath: string;
let client: Client;
let server: Server | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coterie-client-"));
  socketPath = join(folder, "s");
  client = createClient(socketPath);
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((resolve) =>
    server === undefined ? resolve() : server.close(() => resolve()),
  );
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function serveWith(listener: RequestListener): Promise<void> {
  server = createServer(listener);
  await new Promise<void>((resolve) => server?.listen(socketPath, resolve));
}

describe("no answer", () => {
  test("without a socket the daemon is not running, and the hint says how to start it", async () => {
    await expect(client.status()).rejects.toMatchObject({
      code: "NOT_RUNNING",
      hint: "start one with: coterie up",
    });
    await expect(collect(client.kvWatch("n", {}))).rejects.toMatchObject({ code: "NOT_RUNNING" });
  });

  test("with a socket that nobody listens on it is not running", async () => {
    const path = join(folder, "f");
    writeFileSync(path, "");
    await expect(createClient(path).status()).rejects.toMatchObject({ code: "NOT_RUNNING" });
  });

  test.skipIf(process.getuid?.() === 0)("a socket of another user is refused", async () => {
    await serveWith((_request, response) => response.end("{}"));
    chmodSync(socketPath, 0);
    await expect(client.status()).rejects.toMatchObject({ code: "REFUSED" });
  });

  test("a daemon that does not answer in time is told apart", async () => {
    await serveWith(() => undefined);
    const answered = client.status({ timeoutMs: 20 });
    await expect(answered).rejects.toMatchObject({ code: "TIMEOUT" });
    const opened = collect(client.logs({}, { timeoutMs: 20 }));
    await expect(opened).rejects.toMatchObject({ code: "TIMEOUT" });
  });

  test("a stream that has opened is not timed", async () => {
    await serveWith((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      setTimeout(() => response.end('data: {"message":"late"}\n\n'), 1_200);
    });
    const records = await collect(client.logs({}, { timeoutMs: 1_000 }));
    expect(records).toEqual([{ message: "late" }]);
  });

  test("an aborted call is told apart, before it starts and while it waits", async () => {
    await serveWith(() => undefined);
    const gone = client.status({ signal: AbortSignal.abort() });
    await expect(gone).rejects.toMatchObject({ code: "ABORTED" });
    const abort = new AbortController();
    const waiting = client.status({ signal: abort.signal });
    abort.abort();
    await expect(waiting).rejects.toMatchObject({ code: "ABORTED" });
  });

  test("a daemon that dies in the middle is told apart", async () => {
    await serveWith((request, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write("{", () => request.socket.destroy());
    });
    await expect(client.status()).rejects.toMatchObject({ code: "UNREACHABLE" });
    await expect(collect(client.kvExport("n", {}))).rejects.toMatchObject({ code: "UNREACHABLE" });
  });
});

describe("an answer", () => {
  const answerWith = (status: number, body: string): Promise<void> =>
    serveWith((_request, response) => response.writeHead(status).end(body));

  test("with a code keeps code, message and hint", async () => {
    await answerWith(410, '{"error":{"code":"BAD_CURSOR","message":"m","hint":"h"}}');
    await expect(client.status()).rejects.toMatchObject({
      name: "CoterieError",
      code: "BAD_CURSOR",
      message: "m",
      hint: "h",
    });
  });

  test("with a code of a newer daemon is INTERNAL and keeps the message", async () => {
    await answerWith(418, '{"error":{"code":"TEAPOT","message":"short and stout"}}');
    await expect(client.status()).rejects.toMatchObject({
      code: "INTERNAL",
      message: "short and stout",
    });
  });

  test.each([
    [500, "<html>"],
    [500, "null"],
    [404, '{"error":7}'],
    [302, ""],
    [200, "not json"],
  ])("that no daemon sends (%i %s) is INTERNAL", async (status, body) => {
    await answerWith(status, body);
    await expect(client.status()).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("of events that are no JSON is INTERNAL", async () => {
    await answerWith(200, "data: {\n\n");
    await expect(collect(client.logs({}))).rejects.toMatchObject({ code: "INTERNAL" });
  });

  test("of something else than HTTP is an error with a code", async () => {
    const plain = createPlainServer((socket) => socket.resume().end("SSH-2.0-nope\r\n"));
    await new Promise<void>((resolve) => plain.listen(socketPath, resolve));
    await expect(client.status()).rejects.toMatchObject({ code: "UNREACHABLE" });
    await new Promise((resolve) => plain.close(resolve));
  });
});

test("a connection that the daemon closed while it was idle is replaced, and the call made again", async () => {
  let calls = 0;
  await serveWith((request, response) => {
    calls++;
    if (calls === 2) request.socket.destroy();
    else response.end("{}");
  });
  await client.status();
  await client.status();
  expect(calls).toBe(3);
});

test("a write that may have been done is not made again", async () => {
  let calls = 0;
  await serveWith((request, response) => {
    calls++;
    if (calls === 2) request.socket.destroy();
    else response.end("{}");
  });
  await client.status();
  const written = client.kvWrite("n", [{ key: "k", value: 1 }]);
  await expect(written).rejects.toMatchObject({ code: "UNREACHABLE" });
  expect(calls).toBe(2);
});

test("the daemon may stop and start between two calls", async () => {
  const first = await startFixture();
  const path = first.socketPath;
  const kept = createClient(path);
  await kept.status();
  await first.control.stop();
  await expect(kept.status()).rejects.toMatchObject({ code: "NOT_RUNNING" });
  await first.close();
});

test("leaving a stream closes its connection", async () => {
  let open = 0;
  await serveWith((_request, response) => {
    open++;
    response.on("close", () => open--);
    response.write("data: 1\n\n");
  });
  const reading = client.logs({})[Symbol.asyncIterator]();
  await reading.next();
  await reading.return?.();
  await until(() => open === 0);
});

test("loading the client costs a program little: no schema library, and it exits at once after a call", async () => {
  await serveWith((_request, response) => response.end('{"name":"x"}'));
  if (server !== undefined) server.keepAliveTimeout = 60_000;
  const module = new URL("../../src/control/client.ts", import.meta.url).href;
  const script = `
    import { createClient } from ${JSON.stringify(module)};
    const { name } = await createClient(${JSON.stringify(socketPath)}).status();
    console.log(name);
  `;
  const hook = `
    const { registerHooks } = await import("node:module");
    registerHooks({ load(url, context, next) {
      if (url.includes("node_modules")) throw new Error("loads " + url);
      return next(url, context);
    } });
  `;
  const hookUrl = `data:text/javascript,${encodeURIComponent(hook)}`;
  const run = promisify(execFile);
  const args = ["--no-warnings", "--import", hookUrl, "--input-type=module", "-e", script];
  const { stdout } = await run(process.execPath, args, { timeout: 20_000 });
  expect(stdout).toBe("x\n");
});
