/** A web application of one machine, used in a real browser on another that does not run it. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { startNotesApp, type NotesApp } from "../services/notes-app.ts";
import { launchDaemon, until, type DaemonProcess } from "./daemon-process.ts";
import { connected, joining } from "./pair.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const installed = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = process.env["CHROMIUM"] ?? installed.find((path) => existsSync(path));
if (executablePath === undefined) {
  process.stderr.write("browser.test.ts is skipped: there is no chromium (set CHROMIUM)\n");
}
/** Where to keep what was seen. */
const screenshots = process.env["SCREENSHOTS"];

const folder = mkdtempSync(join(tmpdir(), "coterie-test-"));
let app: NotesApp | undefined;
let browser: Browser | undefined;
const daemons: DaemonProcess[] = [];

beforeAll(async () => {
  if (executablePath === undefined) return;
  app = await startNotesApp("Team notes");
  const host = await launchDaemon({ dataDir: join(folder, "host"), words: ["--name", "host"] });
  daemons.push(host);
  const dataDir = join(folder, "guest");
  mkdirSync(dataDir, { mode: 0o700 });
  writeFileSync(join(dataDir, "config.toml"), '[services]\ngateway = "127.0.0.1:0"\n');
  const words = ["--name", "guest", ...(await joining(host))];
  const guest = await launchDaemon({ dataDir, words });
  daemons.push(guest);
  await connected(host, guest);
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});

afterAll(async () => {
  await browser?.close();
  await Promise.all(daemons.map((daemon) => daemon.kill()));
  app?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(executablePath === undefined)(
  "a page works like at home, live parts included, and other sites cannot use it",
  async () => {
    const [host, guest] = daemons as [DaemonProcess, DaemonProcess];
    const allow = ["guest"];
    await host.client.serviceExpose("notes", { tcp: app!.address, http: true, allow });
    await until("the guest knows of it", async () => {
      return (await guest.client.services()).services.some(({ healthy }) => healthy === 1);
    });
    const { url } = await guest.client.serviceStatus("notes");
    expect((await guest.client.status()).services.gateway).not.toBeNull();

    const [page, other] = [await browser!.newPage(), await browser!.newPage()];
    for (const each of [page, other]) {
      await each.goto(url!);
      await each.locator("#state", { hasText: "live" }).waitFor();
    }
    await page.locator("input").fill("Water <the> plants");
    await page.getByText("Add").click();
    await page.locator("li", { hasText: "Water <the> plants" }).waitFor();
    // by its WebSocket: nobody loaded that page again
    await other.locator("li", { hasText: "Water <the> plants" }).waitFor();
    expect(app!.notes).toEqual(["Buy milk", "Water <the> plants"]);
    if (screenshots !== undefined) await other.screenshot({ path: join(screenshots, "notes.png") });

    const evil = await browser!.newPage();
    const local = await startNotesApp("Another site");
    try {
      await evil.goto(`http://${local.address}/`);
      const form = `<form id="f" method="post" action="${url}"><input name="note" value="spam"></form>`;
      await evil.setContent(form);
      const [answer] = await Promise.all([
        evil.waitForResponse((response) => response.url() === url),
        evil.evaluate('document.getElementById("f").submit()'),
      ]);
      expect(answer.status()).toBe(403);
      await evil.getByText("a page of another site").waitFor();
      if (screenshots !== undefined)
        await evil.screenshot({ path: join(screenshots, "refused.png") });
      await evil.goto(`http://${local.address}/`);
      const opened = await evil.evaluate(
        `new Promise((resolve) => {
        const socket = new WebSocket("${url!.replace("http", "ws")}live");
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      })`,
      );
      expect(opened).toBe(false);
    } finally {
      local.stop();
    }
    expect(app!.notes).not.toContain("spam");
  },
);
