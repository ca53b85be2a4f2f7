import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { networkIdOf } from "../../src/core/network.ts";
import { decodeTicket, encodeTicket, type Ticket } from "../../src/core/ticket.ts";
import { peerNameOf } from "../../src/core/ids.ts";
import { acquireLock } from "../../src/host/lock.ts";
import {
  configSet,
  configShow,
  ensureNode,
  initNode,
  joinNode,
  loadNode,
  offlineDoctor,
  readConfig,
} from "../../src/offline.ts";
import { codedError } from "../coded-error.ts";
import { startChild } from "../start-child.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const newDir = (): string => join(temporaryFolder(), "node");
const addressOf = (key: number): string =>
  `/ip4/192.0.2.${key}/tcp/4001/p2p/${peerNameOf(new Uint8Array(32).fill(key))}`;

/** A ticket of some network, changed as wanted. */
function ticketOf(network: Partial<Ticket["network"]> = {}, addresses = [addressOf(1)]): string {
  const id = new Uint8Array(32).fill(9);
  const secret = new Uint8Array(32).fill(8);
  return encodeTicket({ network: { id, name: "far", secret, epoch: 2, ...network }, addresses });
}

/** Every file of a folder with its content. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names.map(({ name }) => [name, readFileSync(join(folder, name), "hex")]),
  );
}

describe("init", () => {
  test("makes a private node with a network of its own", async () => {
    const dataDir = newDir();
    const info = await initNode({ dataDir, name: "falcon", networkName: "home" });
    const node = await loadNode(dataDir);
    expect(info).toEqual({
      peerId: node.identity.peer,
      name: "falcon",
      network: { id: toHex(node.network.id), name: "home" },
      dataDir,
    });
    expect(node.network.epoch).toBe(1);
    expect(node.owner?.publicKey).toEqual(node.origin?.ownerPublicKey);
    expect(toHex(networkIdOf(node.origin!))).toBe(info.network.id);
    expect(node.owner?.peer).not.toBe(node.identity.peer);
    expect(node.bootstrap).toEqual([]);
    expect((await readConfig(dataDir)).config.node.name).toBe("falcon");
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    for (const name of ["identity.key", "owner.key", "network.json", "config.toml"]) {
      expect(statSync(join(dataDir, name)).mode & 0o777).toBe(0o600);
    }
  });

  test("names the node after the host and the network after the node, if not told otherwise", async () => {
    const info = await initNode({ dataDir: newDir() });
    expect(info.name).toMatch(/^[\w-]+$/);
    expect(info.network.name).toBe(info.name);
  });

  test("makes different identities, networks and secrets", async () => {
    const [a, b] = [newDir(), newDir()];
    await Promise.all([initNode({ dataDir: a }), initNode({ dataDir: b })]);
    const [one, other] = [await loadNode(a), await loadNode(b)];
    expect(one.identity.peer).not.toBe(other.identity.peer);
    expect(one.network.id).not.toEqual(other.network.id);
    expect(one.network.secret).not.toEqual(other.network.secret);
  });

  test("leaves a node that is there alone", async () => {
    const dataDir = newDir();
    await initNode({ dataDir, networkName: "home" });
    const before = contents(dataDir);
    const error = await codedError(
      () => initNode({ dataDir, name: "other" }),
      "ALREADY_INITIALISED",
    );
    expect(error.message).toContain('network "home"');
    expect(error.hint).toContain("--data-dir");
    expect(contents(dataDir)).toEqual(before);
  });

  test("completes what an interruption at any step left, with the identity that was made", async () => {
    const whole = newDir();
    await initNode({ dataDir: whole });
    const { identity } = await loadNode(whole);
    const steps = ["config.toml", "identity.key", "owner.key", "bootstrap.json", "network.json"];
    for (let done = 0; done < steps.length; done++) {
      const dataDir = newDir();
      cpSync(whole, dataDir, { recursive: true });
      chmodSync(dataDir, 0o700);
      for (const step of steps.slice(done)) rmSync(join(dataDir, step));
      writeFileSync(join(dataDir, ".identity.key.0123456789ab.tmp"), "half");
      await codedError(() => loadNode(dataDir), "NOT_INITIALISED");
      await initNode({ dataDir });
      const node = await loadNode(dataDir);
      if (done > 1) expect(node.identity.peer).toBe(identity.peer);
      expect(readdirSync(dataDir).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    }
  });

  test("killed at any moment leaves a node or something that the next init completes", async () => {
    let interrupted = 0;
    for (let round = 0; round < 5; round++) {
      const dataDir = newDir();
      const child = startChild("setup/init-child.ts", [dataDir]);
      await child.line((line) => line === "ready");
      child.say("go");
      await new Promise((resolve) => setTimeout(resolve, round * 4));
      await child.kill();
      const node = await loadNode(dataDir).catch(() => undefined);
      if (node === undefined) {
        interrupted++;
        await initNode({ dataDir });
      }
      expect((await loadNode(dataDir)).network.epoch).toBe(1);
    }
    expect(interrupted).toBeGreaterThan(0);
  });

  test("writes nothing when the name is impossible or the configuration broken", async () => {
    const dataDir = newDir();
    await codedError(() => initNode({ dataDir, name: "a\nb" }), "BAD_CONFIG");
    await codedError(() => initNode({ dataDir, networkName: "x".repeat(65) }), "USAGE");
    expect(existsSync(join(dataDir, "identity.key"))).toBe(false);
    writeFileSync(join(dataDir, "config.toml"), "[log\n");
    await codedError(() => initNode({ dataDir }), "BAD_CONFIG");
    expect(existsSync(join(dataDir, "identity.key"))).toBe(false);
    expect(readFileSync(join(dataDir, "config.toml"), "utf8")).toBe("[log\n");
  });

  test("waits for no daemon: it is refused while one runs", async () => {
    const dataDir = newDir();
    mkdirSync(dataDir, { mode: 0o700 });
    const lock = await acquireLock(dataDir);
    await codedError(() => initNode({ dataDir }), "ALREADY_RUNNING");
    lock.release();
  });
});

describe("join", () => {
  test("makes a node of the ticket's network, which owns nothing of it", async () => {
    const dataDir = newDir();
    const ticket = ticketOf();
    const info = await joinNode({ dataDir, ticket, name: "falcon" });
    const node = await loadNode(dataDir);
    expect(info).toMatchObject({ outcome: "joined", name: "falcon", network: { name: "far" } });
    expect(node.network).toEqual(decodeTicket(ticket).network);
    expect(node.bootstrap).toEqual([addressOf(1)]);
    expect(node.owner).toBeUndefined();
    expect(node.origin).toBeUndefined();
  });

  test("again adds addresses, the newest first, and keeps the identity", async () => {
    const dataDir = newDir();
    const { peerId } = await joinNode({ dataDir, ticket: ticketOf() });
    const own = `/ip4/192.0.2.9/tcp/1/p2p/${peerId}`;
    const ticket = ticketOf({}, [addressOf(2), own, addressOf(1)]);
    const info = await joinNode({ dataDir, ticket });
    expect(info).toMatchObject({ outcome: "merged", peerId });
    expect((await loadNode(dataDir)).bootstrap).toEqual([addressOf(2), addressOf(1)]);
    const before = contents(dataDir);
    await joinNode({ dataDir, ticket });
    expect(contents(dataDir)).toEqual(before);
  });

  test("keeps 64 addresses at most", async () => {
    const dataDir = newDir();
    for (let first = 1; first <= 73; first += 8) {
      const addresses = Array.from({ length: 8 }, (_, index) => addressOf(first + index));
      await joinNode({ dataDir, ticket: ticketOf({}, addresses) });
    }
    const { bootstrap } = await loadNode(dataDir);
    expect(bootstrap).toHaveLength(64);
    expect(bootstrap[0]).toBe(addressOf(73));
  });

  test("takes the secret of a newer epoch", async () => {
    const dataDir = newDir();
    await joinNode({ dataDir, ticket: ticketOf() });
    const secret = new Uint8Array(32).fill(7);
    const info = await joinNode({ dataDir, ticket: ticketOf({ secret, epoch: 3 }) });
    expect(info.outcome).toBe("renewed");
    expect((await loadNode(dataDir)).network).toMatchObject({ secret, epoch: 3 });
  });

  test.each([
    ["an older epoch", { epoch: 1 }, /epoch 1; this node is at 2/],
    ["another secret of the same epoch", { secret: new Uint8Array(32) }, /another secret/],
  ])("is refused with a ticket of %s, and changes nothing", async (_what, change, reason) => {
    const dataDir = newDir();
    await joinNode({ dataDir, ticket: ticketOf() });
    const before = contents(dataDir);
    const ticket = ticketOf(change, [addressOf(5)]);
    const error = await codedError(() => joinNode({ dataDir, ticket }), "WRONG_NETWORK");
    expect(error.message).toMatch(reason);
    expect(contents(dataDir)).toEqual(before);
  });

  test("is refused in the data directory of another network, and changes nothing", async () => {
    const dataDir = newDir();
    await initNode({ dataDir, networkName: "home" });
    const before = contents(dataDir);
    const attempt = (): unknown => joinNode({ dataDir, ticket: ticketOf() });
    const error = await codedError(attempt, "ALREADY_INITIALISED");
    expect(error.message).toContain('network "home"');
    expect(error.hint).toContain("--data-dir");
    expect(contents(dataDir)).toEqual(before);
  });

  test("touches no disk for a ticket that is none", async () => {
    const dataDir = newDir();
    await codedError(() => joinNode({ dataDir, ticket: "coterie1nonsense" }), "BAD_TICKET");
    expect(existsSync(dataDir)).toBe(false);
  });

  test("brings the addresses of no network that was given up before", async () => {
    const dataDir = newDir();
    await joinNode({ dataDir, ticket: ticketOf() });
    rmSync(join(dataDir, "network.json"));
    await initNode({ dataDir });
    expect((await loadNode(dataDir)).bootstrap).toEqual([]);
  });
});

describe("loading a node", () => {
  test("of a directory that is none says what to do, and makes nothing", async () => {
    const dataDir = newDir();
    const error = await codedError(() => loadNode(dataDir), "NOT_INITIALISED");
    expect(error.hint).toMatch(/coterie up.*coterie join/);
    expect(existsSync(dataDir)).toBe(false);
  });

  test.each([
    ["identity.key", "BAD_IDENTITY", (path: string) => writeFileSync(path, "rubbish")],
    ["identity.key", "BAD_IDENTITY", (path: string) => writeFileSync(path, "")],
    ["identity.key", "BAD_IDENTITY", (path: string) => chmodSync(path, 0o640)],
    ["identity.key", "BAD_IDENTITY", (path: string) => rmSync(path)],
    ["owner.key", "BAD_IDENTITY", (path: string) => writeFileSync(path, "rubbish")],
    [
      "owner.key",
      "BAD_IDENTITY",
      (path: string) => writeFileSync(path, `coterie-owner-v1 ${"0f".repeat(32)}\n`),
    ],
    ["network.json", "BAD_DATA_DIR", (path: string) => writeFileSync(path, '{"format":1')],
    ["network.json", "BAD_DATA_DIR", (path: string) => chmodSync(path, 0o604)],
    ["bootstrap.json", "BAD_DATA_DIR", (path: string) => writeFileSync(path, '["x"]')],
    ["bootstrap.json", "BAD_DATA_DIR", (path: string) => writeFileSync(path, "{}")],
  ] as const)(
    "with a broken %s is %s, named by its path with a remedy",
    async (name, code, harm) => {
      const dataDir = newDir();
      await initNode({ dataDir });
      const path = join(dataDir, name);
      harm(path);
      const error = await codedError(() => loadNode(dataDir), code);
      expect(error.message).toContain(path);
      expect(error.hint).toMatch(/backup|chmod 600|remove/);
    },
  );

  test("is refused where others may enter the directory", async () => {
    const dataDir = newDir();
    await initNode({ dataDir });
    chmodSync(dataDir, 0o755);
    await codedError(() => loadNode(dataDir), "BAD_DATA_DIR");
  });

  test("makes it first if asked to, once", async () => {
    const dataDir = newDir();
    const first = await ensureNode({ dataDir, name: "falcon" });
    const second = await ensureNode({ dataDir });
    expect([first.created, second.created]).toEqual([true, false]);
    expect(second.node.identity.peer).toBe(first.node.identity.peer);
  });
});

describe("configuration without a daemon", () => {
  test("is shown with origins and written without touching what is wrong", async () => {
    const dataDir = newDir();
    await initNode({ dataDir });
    await configSet(dataDir, "network.mdns", "false");
    const path = join(dataDir, "config.toml");
    const { items } = await configShow(dataDir);
    expect(items).toContainEqual({ key: "network.mdns", value: false, origin: path });
    const before = readFileSync(path, "utf8");
    await codedError(() => configSet(dataDir, "network.mdns", "perhaps"), "BAD_CONFIG");
    expect(readFileSync(path, "utf8")).toBe(before);
    writeFileSync(path, Uint8Array.of(0xff));
    const error = await codedError(() => configShow(dataDir), "BAD_CONFIG");
    expect(error.message).toBe(`${path}: not well-formed UTF-8`);
  });

  test("can be written before there is a node", async () => {
    const dataDir = newDir();
    await configSet(dataDir, "node.name", "falcon");
    expect((await initNode({ dataDir })).name).toBe("falcon");
  });
});

test("the doctor without a daemon fails on the socket alone", async () => {
  const dataDir = newDir();
  await initNode({ dataDir });
  const { checks } = await offlineDoctor(dataDir);
  const failed = checks.filter(({ verdict }) => verdict === "fail");
  expect(failed).toMatchObject([{ name: "socket", remedy: "coterie up" }]);
});
