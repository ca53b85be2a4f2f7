import { connect, type Socket } from "node:net";
import { once } from "node:events";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import {
  ask,
  errorCode,
  hurriedClock,
  rawExchange,
  startFixture,
  until,
  type Fixture,
} from "./fixture.ts";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await startFixture();
});
afterEach(async () => {
  expect(await fixture.client.status()).toMatchObject({ name: "fake" }); // it lives
  const errors = fixture.metrics.read()["control.refused.INTERNAL"] ?? 0;
  await fixture.close();
  expect(errors).toBe(0);
});

const head = (...lines: string[]): string => [...lines, "", ""].join("\r\n");
const put = "PUT /v1/kv/n/k HTTP/1.1";
const get = "GET /v1/status HTTP/1.1";
const host = "Host: localhost";
const text = "Content-Type: text/plain";

/** With deadlines of a second. */
async function restartHurried(): Promise<void> {
  await fixture.close();
  fixture = await startFixture(hurriedClock(limits.requestMsMax / 1_000));
}

test("a body that is announced with a gigabyte is refused before it is read", async () => {
  await restartHurried();
  const answer = await rawExchange(
    fixture.socketPath,
    head(put, host, text, `Content-Length: ${2 ** 30}`) + "x",
  );
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain('"code":"TOO_LARGE"');
});

test("a body without a length is refused when it grows over the limit", async () => {
  await restartHurried();
  const piece = `${(2 ** 17).toString(16)}\r\n${"x".repeat(2 ** 17)}\r\n`;
  const answer = await rawExchange(
    fixture.socketPath,
    head(put, host, text, "Transfer-Encoding: chunked") + piece.repeat(4),
  );
  expect(answer).toContain('"code":"TOO_LARGE"');
});

test("a client that goes on uploading gets the refusal all the same", async () => {
  const body = Buffer.alloc(20 * 2 ** 20, 0x78);
  const headers = { "content-type": "text/plain" };
  const answer = await ask(fixture.socketPath, "PUT", "/v1/kv/n/k", { headers, body });
  expect([answer.status, errorCode(answer)]).toEqual([413, "TOO_LARGE"]);
});

test("a client that still writes after it was refused is not cut off before it has read why", async () => {
  const socket = connect(fixture.socketPath);
  const errors: Error[] = [];
  socket.on("error", (error) => errors.push(error));
  socket.write(head(put, host, text, `Content-Length: ${2 ** 30}`));
  await until(() => fixture.metrics.read()["control.refused.TOO_LARGE"] === 1);
  for (let index = 0; index < 10; index++) {
    await new Promise((resolve) => socket.write(Buffer.alloc(100_000), resolve));
  }
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(answer.toString()).toContain('"code":"TOO_LARGE"');
  expect(errors).toEqual([]);
  socket.destroy();
});

test("a body that stops coming is given up at the deadline, and the connection is closed", async () => {
  await restartHurried();
  const answer = await rawExchange(
    fixture.socketPath,
    head(put, host, text, "Content-Length: 100") + "only this",
  );
  expect(answer).toMatch(/^HTTP\/1\.1 504 /);
  expect(answer).toContain('"code":"TIMEOUT"');
});

test("work that does not end is given up at the deadline", async () => {
  await restartHurried();
  fixture.daemon.doctor = () => new Promise(() => undefined);
  const answer = await ask(fixture.socketPath, "GET", "/v1/doctor");
  expect([answer.status, errorCode(answer)]).toEqual([504, "TIMEOUT"]);
});

test("a client that does not read its answer is cut off at the deadline", async () => {
  await restartHurried();
  const value = { kind: "bytes", bytes: Buffer.alloc(limits.valueBytesMax) } as const;
  const ops = Array.from({ length: 20 }, (_, index) => ({ key: `k${index}`, value }));
  await fixture.daemon.kv.write("n", ops);
  const socket = connect(fixture.socketPath);
  socket.on("error", () => undefined);
  socket.write(head("GET /v1/kv/n HTTP/1.1", host));
  await until(() => fixture.metrics.read()["control.cut_off"] === 1);
  let received = 0;
  socket.on("data", (chunk: Buffer) => (received += chunk.length));
  await once(socket, "close");
  expect(received).toBeLessThan(20 * limits.valueBytesMax);
});

test.each([
  ["text", "not HTTP at all\r\n\r\n", 400],
  ["zeros", "\0\u0001\u0002\u0003", 400],
  ["another version", "GET /v1/status HTTP/9.9\r\n\r\n", 400],
  ["two lengths", head(get, host, "Content-Length: 5", "Transfer-Encoding: chunked"), 400],
  ["a negative length", head(get, host, "Content-Length: -1"), 400],
  ["a broken request line", head("GET /v1/sta\ntus HTTP/1.1", host), 400],
  ["a huge header", head(get, host, `X: ${"x".repeat(20_000)}`), 413],
  ["a huge path", head(`GET /v1/kv/n/${"k".repeat(20_000)} HTTP/1.1`, host), 413],
  ["no host", head(get, "Connection: close"), 403],
])("%s: a coded error", async (_name, bytes, status) => {
  const answer = await rawExchange(fixture.socketPath, bytes);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(answer).toMatch(/"code":"(?:BAD_REQUEST|TOO_LARGE|REFUSED)"/);
});

test("an offer to upgrade and an expectation are answered like any request", async () => {
  const upgrade = { connection: "Upgrade", upgrade: "websocket" };
  const upgraded = await ask(fixture.socketPath, "GET", "/v1/status", { headers: upgrade });
  expect(upgraded.status).toBe(200);
  const headers = { "content-type": "text/plain", expect: "100-continue" };
  const answer = await ask(fixture.socketPath, "PUT", "/v1/kv/n/k", { headers, body: "x" });
  expect(answer.status).toBe(200);
});

test("large bodies cannot take more than their share of memory together", async () => {
  const bytes = limits.requestBodyBytesMax - 1;
  const begin = head(
    "POST /v1/kv/n HTTP/1.1",
    host,
    "Content-Type: application/json",
    `Content-Length: ${bytes + 1}`,
  );
  const sockets: Socket[] = [];
  const answers: string[] = [];
  for (let index = 0; index < 10; index++) {
    const socket = connect(fixture.socketPath);
    socket.setEncoding("utf8").on("data", (answer: string) => answers.push(answer));
    socket.on("error", () => undefined);
    socket.write(begin);
    socket.write(Buffer.alloc(bytes, 0x20));
    sockets.push(socket);
  }
  await until(() => answers.length > 0, 20_000);
  for (const answer of answers) expect(answer).toContain('"code":"OVERLOADED"');
  for (const socket of sockets) socket.destroy();
  const held = (): number => fixture.metrics.read()["control.refused.ABORTED"] ?? 0;
  await until(() => held() + answers.length >= 10);
  const full = { "content-type": "application/json" };
  const body = `{"ops":[{"key":"k","value":"${"x".repeat(200_000)}"}]}`;
  expect((await ask(fixture.socketPath, "POST", "/v1/kv/n", { headers: full, body })).status).toBe(
    200,
  );
});

test("more sockets than the limit are dropped, and there is room again when they close", async () => {
  const sockets: Socket[] = [];
  const dropped = (): number => fixture.metrics.read()["control.sockets_dropped"] ?? 0;
  for (let index = 0; index < limits.controlSocketsMax + 50; index++) {
    const socket = connect(fixture.socketPath);
    socket.on("error", () => undefined);
    sockets.push(socket);
    await new Promise((resolve) => setImmediate(resolve)); // the system's own queue is shorter
  }
  await until(() => dropped() >= 50);
  for (const socket of sockets) socket.destroy();
  await until(() => sockets.every((socket) => socket.closed));
  const deadlineMs = performance.now() + 20_000;
  const answers = (): Promise<boolean> =>
    fixture.client.status().then(
      () => true,
      () => false,
    );
  while (!(await answers())) expect(performance.now()).toBeLessThan(deadlineMs);
});

test("a thousand requests sent at once on one socket are all answered", async () => {
  const one = head("GET /v1/id HTTP/1.1", host);
  const last = head("GET /v1/id HTTP/1.1", host, "Connection: close");
  const answer = await rawExchange(fixture.socketPath, one.repeat(999) + last);
  expect(answer.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(1_000);
});

test("clients that vanish at any byte hurt nobody", async () => {
  const requests = [
    head(put, host, text, "Content-Length: 5") + "hello",
    head(
      "POST /v1/import/n HTTP/1.1",
      host,
      "Content-Type: application/x-ndjson",
      "Transfer-Encoding: chunked",
    ) + '16\r\n{"key":"k","value":1}\n\r\n0\r\n\r\n',
    head("GET /v1/watch/n?cursor=0 HTTP/1.1", host),
    head("GET /v1/export/n HTTP/1.1", host),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...requests),
      fc.nat(300),
      fc.boolean(),
      async (bytes, cut, politely) => {
        const socket = connect(fixture.socketPath);
        socket.on("error", () => undefined);
        await once(socket, "connect");
        await new Promise<void>((resolve) => socket.write(bytes.slice(0, cut), () => resolve()));
        const closed = once(socket, "close");
        if (politely) socket.resume().destroySoon();
        else socket.destroy();
        await closed;
      },
    ),
    { numRuns: 300 },
  );
  await until(() => fixture.daemon.openStreams === 0);
});

test("random bytes are never answered with success", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      const request = Buffer.concat([bytes, Buffer.from("\r\n\r\n\r\n\r\n")]);
      const answer = await rawExchange(fixture.socketPath, request, { end: true });
      expect(answer).not.toMatch(/^HTTP\/1\.1 2/);
    }),
    { numRuns: 200 },
  );
});
