/** A small web application: notes rendered on the server, a form to add one, and a WebSocket that shows others' at once. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";

const script = `
const live = new WebSocket("ws://" + location.host + "/live");
const state = document.querySelector("#state");
live.onopen = () => (state.textContent = "live");
live.onclose = () => (state.textContent = "offline");
live.onmessage = ({ data }) => {
  const item = document.createElement("li");
  item.textContent = data;
  document.querySelector("ul").append(item);
};`;

const style = `
body { font: 18px/1.5 sans-serif; max-width: 36em; margin: 2em auto; color: #223 }
li { background: #ffd; margin: .4em 0; padding: .4em .8em; border-left: 4px solid #fc6 }
#state { color: #2a6; font-size: 14px }`;

function escaped(text: string): string {
  return text.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
}

export type NotesApp = { readonly address: string; readonly notes: string[]; stop(): void };

export async function startNotesApp(title: string): Promise<NotesApp> {
  const notes: string[] = ["Buy milk"];
  const page = (): string =>
    `<!doctype html><meta charset="utf-8"><title>${title}</title><style>${style}</style>` +
    `<h1>${title} <span id="state">offline</span></h1>` +
    `<ul>${notes.map((note) => `<li>${escaped(note)}</li>`).join("")}</ul>` +
    `<form method="post"><input name="note" autofocus><button>Add</button></form>` +
    `<script>${script}</script>`;
  const sockets = new WebSocketServer({ noServer: true });
  const add = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const note = new URLSearchParams(body).get("note") ?? "";
    notes.push(note);
    for (const socket of sockets.clients) socket.send(note);
    response.writeHead(303, { location: "/" }).end();
  };
  const server = createServer((request, response) => {
    if (request.method === "POST") void add(request, response);
    else response.setHeader("content-type", "text/html; charset=utf-8").end(page());
  });
  server.on("upgrade", (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    notes,
    stop: () => {
      for (const socket of sockets.clients) socket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}
