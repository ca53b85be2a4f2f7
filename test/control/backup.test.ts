import { afterEach, describe, expect, test } from "vitest";
import type { Daemon } from "../../src/control/daemon.ts";
import { ask, collect, errorCode, startFixture, until, type Fixture } from "./fixture.ts";
import { CoterieError } from "../../src/core/errors.ts";

let fixture: Fixture;
afterEach(() => fixture.close());

/** A server whose daemon backs up like this. */
async function serving(backup: Daemon["backup"]): Promise<Fixture> {
  fixture = await startFixture(undefined, { backup });
  return fixture;
}

const piece = 256 * 1024;

describe("a backup", () => {
  test("is the daemon's bytes, unchanged and named as such", async () => {
    const { client, socketPath } = await serving(async function* () {
      for (let byte = 0; byte < 256; byte++) yield new Uint8Array(100).fill(byte);
    });
    const bytes = Buffer.concat(await collect(client.backup()));
    expect(bytes.length).toBe(25_600);
    expect([...bytes].every((byte, at) => byte === Math.floor(at / 100))).toBe(true);
    const { headers, status } = await ask(socketPath, "GET", "/v1/backup");
    expect([status, headers["content-type"]]).toEqual([200, "application/octet-stream"]);
  });

  test("is made no faster than it is read", async () => {
    let made = 0;
    const { client } = await serving(async function* () {
      for (; made < 200; made++) yield new Uint8Array(piece);
    });
    const reading = client.backup()[Symbol.asyncIterator]();
    await reading.next();
    let before = -1;
    await until(() => {
      const still = made === before;
      before = made;
      return still;
    });
    expect(made).toBeLessThan(40);
    let bytes = 0;
    for (let next = await reading.next(); next.done !== true; next = await reading.next())
      bytes += next.value.length;
    expect(made).toBe(200);
    expect(bytes).toBeGreaterThan(199 * piece);
  });

  test("that fails midway breaks off instead of looking complete", async () => {
    const { client } = await serving(async function* () {
      yield new Uint8Array(piece);
      throw new CoterieError("STORE_FAILED", "the disk is gone");
    });
    await expect(collect(client.backup())).rejects.toMatchObject({ code: "UNREACHABLE" });
  });

  test("that fails at once says why", async () => {
    const reason = new CoterieError("BAD_DATA_DIR", "no key here");
    const next = () => Promise.reject(reason);
    const { socketPath } = await serving(() => ({ [Symbol.asyncIterator]: () => ({ next }) }));
    expect(errorCode(await ask(socketPath, "GET", "/v1/backup"))).toBe("BAD_DATA_DIR");
  });

  test("that nobody wants any more is not gone on with", async () => {
    let isOver = false;
    const { client } = await serving(async function* () {
      try {
        for (;;) yield new Uint8Array(piece);
      } finally {
        isOver = true;
      }
    });
    for await (const chunk of client.backup()) if (chunk.length > 0) break;
    await until(() => isOver);
  });
});

test("the OpenAPI document says that it is bytes", async () => {
  const { socketPath } = await serving(async function* () {});
  const { text } = await ask(socketPath, "GET", "/v1/openapi.json");
  const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, unknown>> };
  expect(paths["/v1/backup"]?.["get"]).toMatchObject({
    operationId: "getBackup",
    responses: { "200": { content: { "application/octet-stream": {} } } },
  });
});
