/** Programs behind services, and clients of them, on loopback. Everything is closed after the test. */
import { once } from "node:events";
import { createServer as createHttp, request, type RequestListener } from "node:http";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { Services } from "../../src/share/services/services.ts";
import { Village } from "../memory-services.ts";

export type Program = {
  readonly address: string;
  /** Connections that reached it, and bytes. */
  readonly seen: { connections: number; bytes: number };
  stop(): void;
};

export async function tcpProgram(serve: (socket: Socket) => void): Promise<Program> {
  const seen = { connections: 0, bytes: 0 };
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    seen.connections++;
    sockets.add(socket);
    socket.on("data", (chunk) => (seen.bytes += chunk.length));
    socket.on("error", () => undefined); // being cut off is what is tested
    serve(socket);
  });
  return listening(server, seen, () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
}

export async function httpProgram(serve: RequestListener): Promise<Program & { server: Server }> {
  const seen = { connections: 0, bytes: 0 };
  const server = createHttp(serve);
  server.on("connection", () => seen.connections++);
  const program = await listening(server, seen, () => {
    server.close();
    server.closeAllConnections();
  });
  return { ...program, server };
}

async function listening(server: Server, seen: Program["seen"], stop: () => void) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(stop);
  const { port } = server.address() as AddressInfo;
  return { address: `127.0.0.1:${port}`, seen, stop };
}

export const echo = (socket: Socket): void => void socket.pipe(socket);

/** A node of a village, started; stopped after the test. */
export async function node(
  village: Village,
  index: number,
  options: { readonly gateway?: string; readonly answerMs?: number } = {},
): Promise<Services> {
  const services = village.services(village.peer(index), options.gateway, options.answerMs);
  await services.start();
  onTestFinished(() => services.stop());
  return services;
}

/** A connection to `address:port`, which is open; its bytes are read with `received`. */
export async function dial(address: string): Promise<Socket & { received: string; over: boolean }> {
  const [host = "", port] = address.split(":");
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  const client = Object.assign(socket, { received: "", over: false });
  socket.on("data", (chunk: Buffer) => (client.received += chunk.toString("latin1")));
  socket.on("error", () => (client.over = true));
  socket.on("end", () => (client.over = true));
  socket.on("close", () => (client.over = true));
  // one that is turned away may be reset before it is told that it was open
  await new Promise((resolve) => void socket.once("connect", resolve).once("close", resolve));
  onTestFinished(() => void socket.destroy());
  return client;
}

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
};

/** One request to a gateway as a browser would make it, on a connection of its own. */
export function fetchBy(
  gateway: string,
  service: string,
  options: {
    readonly path?: string;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Buffer;
  } = {},
): Promise<Answer> {
  const [host = "", port = ""] = gateway.split(":");
  return new Promise((resolve, reject) => {
    const asked = request({
      host,
      port,
      agent: false,
      path: options.path ?? "/",
      method: options.method ?? "GET",
      headers: { host: `${service}.localhost:${port}`, ...options.headers },
    });
    asked.on("error", reject);
    asked.on("response", (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", reject);
      answer.on("end", () => {
        const body = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body });
      });
    });
    asked.end(options.body);
  });
}

/** Bytes as they are, and all that comes back until the gateway closes or is silent for a moment. */
export async function raw(gateway: string, text: string): Promise<string> {
  const client = await dial(gateway);
  client.write(text, "latin1");
  if (!client.closed) {
    await Promise.race([once(client, "close"), once(client, "end"), answered(client)]);
  }
  client.destroy();
  return client.received;
}

async function answered(client: Socket & { received: string }): Promise<void> {
  while (!client.received.includes("\r\n\r\n")) await once(client, "data");
}
