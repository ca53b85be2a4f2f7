/** The gateway of one node in front of the HTTP service of another, as browsers and as attackers use it. */
import { once } from "node:events";
import type { ClientRequest, IncomingMessage, RequestListener } from "node:http";
import { PassThrough } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../../src/host/clock.ts";
import { ProviderAgent } from "../../src/share/services/gateway/provider-agent.ts";
import { until } from "../daemon/daemon-process.ts";
import { Village } from "../memory-services.ts";
import { dial, fetchBy, httpProgram, node, raw, tcpProgram } from "./fixture.ts";

/** Says what it got. */
const mirror: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { method, url, rawHeaders } = request;
    const body = Buffer.concat(chunks).toString();
    response.setHeader("set-cookie", ["a=1", "b=2"]);
    response.end(JSON.stringify({ method, url, rawHeaders, body }));
  });
};

async function web(serve: RequestListener, answerMs = 5_000) {
  const village = new Village();
  const program = await httpProgram(serve);
  const provider = await node(village, 0);
  const user = await node(village, 1, { gateway: "127.0.0.1:0", answerMs });
  await provider.expose("notes", { tcp: program.address, http: true, allow: ["all"] });
  const gateway = user.summary().gateway ?? "";
  const port = gateway.split(":")[1] ?? "";
  return { village, program, provider, user, gateway, port, host: `notes.localhost:${port}` };
}

/** Values of a header that the program got. */
function gotten(body: string, name: string): string[] {
  const { rawHeaders } = JSON.parse(body) as { rawHeaders: string[] };
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]!.toLowerCase() === name);
}

test("requests and responses go through whole, with what the gateway says of their origin", async () => {
  const { gateway, host, user } = await web(mirror);
  const spoofed = {
    forwarded: "for=evil",
    "x-forwarded-for": "6.6.6.6",
    x_forwarded_for: "6.6.6.6",
  };
  const { status, headers, body } = await fetchBy(gateway, "notes", {
    path: "/a?b=%20c",
    method: "POST",
    headers: {
      ...spoofed,
      "x-real-ip": "6.6.6.6",
      te: "trailers",
      connection: "close, x-hop",
      "x-hop": "1",
    },
    body: "text",
  });
  expect(status).toBe(200);
  expect(headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect(JSON.parse(body)).toMatchObject({ method: "POST", url: "/a?b=%20c", body: "text" });
  expect(gotten(body, "host")).toEqual([host]);
  expect(gotten(body, "forwarded")).toEqual([`for=127.0.0.1;host="${host}";proto=http`]);
  expect(gotten(body, "x-forwarded-for")).toEqual(["127.0.0.1"]);
  for (const name of ["x_forwarded_for", "x-real-ip", "te", "x-hop"]) {
    expect(gotten(body, name)).toEqual([]);
  }
  expect(user.list().services[0]?.url).toBe(`http://${host}/`);
});

test("connections to a provider are used again, and never for another service", async () => {
  const { gateway, program, provider } = await web(mirror);
  const other = await httpProgram((_request, response) => response.end("other"));
  await provider.expose("other", { tcp: other.address, http: true, allow: ["all"] });
  for (let n = 0; n < 5; n++) {
    expect((await fetchBy(gateway, "notes")).status).toBe(200);
    expect((await fetchBy(gateway, "other")).body).toBe("other");
  }
  expect([program.seen.connections, other.seen.connections]).toEqual([1, 1]);
});

test("a connection that is used again is not ended by the time it was free", () => {
  const timers = new Set<() => void>();
  const after = (_ms: number, run: () => void): (() => void) => {
    timers.add(run);
    return () => timers.delete(run);
  };
  const agent = new ProviderAgent({ ...systemClock, after }, () => Promise.reject(new Error()));
  const [used, free] = [new PassThrough(), new PassThrough()];
  for (const socket of [used, free]) expect(agent.keepSocketAlive(socket)).toBe(true);
  agent.reuseSocket(used, {} as ClientRequest);
  for (const run of timers) run();
  expect([used.destroyed, free.destroyed]).toEqual([false, true]);
});

test("a large upload and download are streamed", async () => {
  const big = Buffer.alloc(3_000_000, "x");
  const { gateway } = await web((request, response) => void request.pipe(response));
  const { body } = await fetchBy(gateway, "notes", { method: "PUT", body: big });
  expect(body.length).toBe(big.length);
});

test("server-sent events arrive one by one, and the program learns when the reader leaves", async () => {
  let next: (() => void) | undefined;
  let left = false;
  const { gateway, host } = await web((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.flushHeaders();
    let n = 0;
    next = () => void response.write(`data: ${++n}\n\n`);
    response.on("close", () => (left = true));
  });
  const client = await dial(gateway);
  client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await until("the head came before any event", () => client.received.includes("event-stream"));
  for (const n of [1, 2]) {
    next?.();
    await until(`event ${n} came`, () => client.received.includes(`data: ${n}`));
  }
  client.destroy();
  await until("it knows", () => left);
});

test("the time to answer is over once the answer has begun, even before the request has ended", async () => {
  const { gateway, host } = await web((request, response) => {
    response.write("begin ");
    request.resume().on("end", () => setTimeout(() => response.end("end"), 300));
  }, 100);
  const client = await dial(gateway);
  client.write(`POST / HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n\r\n`);
  await until("it answers already", () => client.received.includes("begin"));
  client.write("0\r\n\r\n");
  await until("the answer is whole", () => client.received.endsWith("end\r\n0\r\n\r\n"), 3_000);
});

const anywhere = { "sec-fetch-site": "cross-site" };

test.each<[string, number, { method?: string; headers?: Record<string, string> }]>([
  ["a program's POST", 200, { method: "POST" }],
  ["a page's own POST", 200, { method: "POST", headers: { "sec-fetch-site": "same-origin" } }],
  ["a link from another site", 200, { headers: anywhere }],
  ["a POST of another site", 403, { method: "POST", headers: anywhere }],
  [
    "a POST of a sister service",
    403,
    { method: "POST", headers: { "sec-fetch-site": "same-site" } },
  ],
  [
    "a POST with another's Origin",
    403,
    { method: "POST", headers: { origin: "http://evil.test" } },
  ],
  ["a POST of a hidden Origin", 403, { method: "POST", headers: { origin: "null" } }],
  ["a DELETE of another site", 403, { method: "DELETE", headers: anywhere }],
  [
    "a preflight of another site",
    403,
    { method: "OPTIONS", headers: { origin: "http://evil.test" } },
  ],
])("%s gets %i", async (_what, status, options) => {
  const { gateway } = await web((_request, response) => response.end("ok"));
  expect((await fetchBy(gateway, "notes", options)).status).toBe(status);
});

test.each([
  ["an address", "127.0.0.1:PORT"],
  ["localhost", "localhost:PORT"],
  ["a site", "notes.example.com:PORT"],
  ["another port", "notes.localhost:1"],
  ["no port", "notes.localhost"],
  ["two names", "a.notes.localhost:PORT"],
  ["a trailing dot", "notes.localhost.:PORT"],
  ["user information", "x@notes.localhost:PORT"],
  ["nothing", ""],
])("a host that is %s is refused", async (_what, host) => {
  const { gateway, port, program } = await web(mirror);
  const text = await raw(gateway, `GET / HTTP/1.1\r\nHost: ${host.replace("PORT", port)}\r\n\r\n`);
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(program.seen.connections).toBe(0);
});

const chunked = "Transfer-Encoding: chunked\r\n";

test.each([
  ["both lengths", `POST / HTTP/1.1\r\nHost: H\r\nContent-Length: 4\r\n${chunked}\r\n0\r\n\r\n`],
  ["two lengths", "POST / HTTP/1.1\r\nHost: H\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
  [
    "a strange coding",
    "POST / HTTP/1.1\r\nHost: H\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
  ],
  [
    "a coding twice",
    `POST / HTTP/1.1\r\nHost: H\r\n${chunked}Transfer-Encoding: x\r\n\r\n0\r\n\r\n`,
  ],
  ["a space before the colon", "GET / HTTP/1.1\r\nHost: H\r\nContent-Length : 3\r\n\r\nabc"],
  ["a folded header", "GET / HTTP/1.1\r\nHost: H\r\nX: a\r\n b\r\n\r\n"],
  ["bare line feeds", "GET / HTTP/1.1\nHost: H\n\n"],
  ["a bad chunk size", `POST / HTTP/1.1\r\nHost: H\r\n${chunked}\r\n-1\r\nab\r\n0\r\n\r\n`],
  ["two hosts", "GET / HTTP/1.1\r\nHost: H\r\nHost: H\r\n\r\n"],
  ["a whole URL as target", "GET http://H/ HTTP/1.1\r\nHost: H\r\n\r\n"],
  ["CONNECT", "CONNECT H HTTP/1.1\r\nHost: H\r\n\r\n"],
  [
    "an upgrade to HTTP/2",
    "GET / HTTP/1.1\r\nHost: H\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
  ],
  ["a head without end", `GET / HTTP/1.1\r\nHost: H\r\nX: ${"a".repeat(20_000)}\r\n\r\n`],
  ["hundreds of headers", `GET / HTTP/1.1\r\nHost: H\r\n${"X: 1\r\n".repeat(200)}\r\n`],
])("a request with %s is not passed on", async (_what, text) => {
  const { gateway, host, program } = await web(mirror);
  let requests = 0;
  program.server.on("request", (_request: IncomingMessage) => requests++);
  const answer = await raw(
    gateway,
    text
      .replaceAll("H\r\n", `${host}\r\n`)
      .replace("http://H/", `http://${host}/`)
      .replace("CONNECT H", `CONNECT ${host}`),
  );
  expect(answer).not.toMatch(/^HTTP\/1\.1 [123]/);
  // an unreadable body may come after a head that was fine: then the program sees it cut, and answers nobody
  expect(answer).not.toContain("rawHeaders");
  expect(requests).toBeLessThanOrEqual(1);
});

test("what follows a request on its connection is judged as a request of its own", async () => {
  const { gateway, host } = await web(mirror);
  const inner = "GET /admin HTTP/1.1\r\nHost: other.localhost\r\n\r\n";
  const client = await dial(gateway);
  client.write(`POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n\r\n${inner}`);
  await until("both are answered", () => client.received.includes("BAD_HOST"));
  expect(client.received).not.toContain("/admin");
});

/** What a response says when it is not one that the gateway may trust. */
test.each([
  ["both lengths", `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n${chunked}\r\n0\r\n\r\n`],
  ["no HTTP", "hello\r\n\r\n"],
  ["nothing", ""],
])("a provider that answers with %s gets the client a page that says so", async (_what, text) => {
  const village = new Village();
  const program = await tcpProgram((socket) => socket.once("data", () => void socket.end(text)));
  const provider = await node(village, 0);
  const user = await node(village, 1, { gateway: "127.0.0.1:0" });
  await provider.expose("bad", { tcp: program.address, http: true, allow: ["all"] });
  const answer = await fetchBy(user.summary().gateway ?? "", "bad", { method: "POST", body: "x" });
  expect(answer.status).toBe(502);
  expect(JSON.parse(answer.body)).toMatchObject({ error: { code: "PROVIDER_FAILED" } });
  expect(program.seen.connections).toBe(1); // it was not asked again: it had the request
});

test("each failure has its page, for programs and for people", async () => {
  const { gateway, provider, program } = await web(() => undefined, 200);
  const silent = await fetchBy(gateway, "notes", { headers: { accept: "text/html" } });
  expect([silent.status, silent.headers["content-type"]]).toEqual([
    504,
    "text/html; charset=utf-8",
  ]);
  expect(silent.body).toContain("did not answer in time");
  const codeOf = async (service: string): Promise<unknown> => {
    const { status, body } = await fetchBy(gateway, service);
    return [status, (JSON.parse(body) as { error: { code: string } }).error.code];
  };
  expect(await codeOf("nobody")).toEqual([502, "NO_PROVIDER"]);
  await provider.expose("plain", { tcp: program.address, allow: ["all"] });
  expect(await codeOf("plain")).toEqual([502, "NOT_HTTP"]);
  await provider.expose("notes", { tcp: program.address, http: true, allow: [] });
  expect(await codeOf("notes")).toEqual([403, "REFUSED"]);
  program.stop();
  await provider.expose("notes", { tcp: program.address, http: true, allow: ["all"] });
  expect(await codeOf("notes")).toEqual([502, "PROVIDER_FAILED"]);
});

test("a request goes to the next provider while nothing of it was sent, with its body whole", async () => {
  const { village, provider, gateway, program } = await web(mirror);
  const second = await node(village, 2);
  await second.expose("notes", { tcp: program.address, http: true, allow: ["all"] });
  await provider.expose("notes", { tcp: "127.0.0.1:1", http: true, allow: ["all"] }); // nobody listens
  for (let n = 0; n < 6; n++) {
    const { status, body } = await fetchBy(gateway, "notes", { method: "POST", body: "once" });
    expect([status, (JSON.parse(body) as { body: string }).body]).toEqual([200, "once"]);
  }
});

test("revoking cuts a response that is under way, and the client sees that it is not whole", async () => {
  const { provider, gateway, host, program } = await web((_request, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("begin");
  });
  const client = await dial(gateway);
  client.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await until("it began", () => client.received.includes("begin"));
  const beganMs = performance.now();
  await provider.expose("notes", { tcp: program.address, http: true, allow: ["node-2"] });
  await until("it is cut", () => client.over);
  expect(performance.now() - beganMs).toBeLessThan(1_000);
});

async function socketServer() {
  const made = await web((_request, response) => response.end());
  const sockets = new WebSocketServer({ server: made.program.server as never });
  sockets.on("connection", (socket, { headers }) => {
    socket.send(`hello ${String(headers["x-forwarded-host"])}`);
    socket.on("message", (data: Buffer, isBinary) => socket.send(data, { binary: isBinary }));
  });
  onTestFinished(() => sockets.close());
  return made;
}

function open(gateway: string, host: string, headers: Record<string, string> = {}): WebSocket {
  const socket = new WebSocket(`ws://${gateway}/live`, { headers: { host, ...headers } });
  socket.on("error", () => undefined); // of one that was refused, when it is ended
  onTestFinished(() => socket.terminate());
  return socket;
}

test("a WebSocket carries messages both ways, and its end", async () => {
  const { gateway, host, provider } = await socketServer();
  const socket = open(gateway, host, { origin: `http://${host}` });
  const [hello] = (await once(socket, "message")) as [Buffer];
  expect(hello.toString()).toBe(`hello ${host}`);
  const big = Buffer.alloc(1_000_000, 7);
  socket.send(big);
  const [back] = (await once(socket, "message")) as [Buffer];
  expect(back.equals(big)).toBe(true);
  socket.close(1000);
  await once(socket, "close");
  await until("the provider's stream ended", () => provider.status("notes").exposed?.open === 0);
});

test.each([
  ["another site", { origin: "http://evil.test" }],
  ["a sister service", { origin: "http://other.localhost" }],
  ["nowhere", { origin: "null" }],
])("a WebSocket that a page of %s opens is refused", async (_what, headers) => {
  const { gateway, host, program } = await socketServer();
  const [, answer] = (await once(open(gateway, host, headers), "unexpected-response")) as [
    unknown,
    IncomingMessage,
  ];
  expect(answer.statusCode).toBe(403);
  expect(program.seen.connections).toBe(0);
});

test("a program that wants no WebSocket says so itself", async () => {
  const { gateway, host, program } = await web((_request, response) => response.end());
  program.server.on("upgrade", (_request, socket) => {
    socket.end("HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
  });
  const [, answer] = (await once(open(gateway, host), "unexpected-response")) as [
    unknown,
    IncomingMessage,
  ];
  expect(answer.statusCode).toBe(418);
});
