import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { ask, errorCode, startFixture, type Fixture } from "./fixture.ts";

let fixture: Fixture;
const ns = "default";

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.close());

test("a document is made by its first edit, read, listed and deleted", async () => {
  const { client } = fixture;
  const written = await client.docEdit(ns, "a/b c", [
    [0, 0, "hello"],
    [5, 0, "!"],
    [0, 1, "J"],
  ]);
  expect(written).toEqual({ length: 6, stamp: expect.stringMatching(/^[0-9a-f]{16}$/) });
  expect(await client.docGet(ns, "a/b c")).toMatchObject({ key: "a/b c", text: "Jello!" });
  await client.docEdit(ns, "a/d", [[0, 0, "x"]]);
  const first = await client.docList(ns, { prefix: "a/", limit: 1 });
  expect(first).toMatchObject({ items: [{ key: "a/b c" }], next: "a/b c" });
  const rest = await client.docList(ns, { prefix: "a/", after: "a/b c" });
  expect(rest).toMatchObject({ items: [{ key: "a/d" }], next: null });
  await client.docDelete(ns, "a/b c");
  await expect(client.docGet(ns, "a/b c")).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a merge answers with the text it made, and without a stamp when there was nothing to do", async () => {
  const { client } = fixture;
  await client.docEdit(ns, "merged", [[0, 0, "one two"]]);
  const both = await client.docMerge(ns, "merged", { base: "one", text: "zero one" });
  expect(both.text).toBe("zero one two");
  const none = await client.docMerge(ns, "merged", { base: "x", text: "x" });
  expect(none).toEqual({ text: "zero one two", length: 12, stamp: null });
});

test("updates of an editor go up as bytes, the whole document comes down with the client id", async () => {
  const { client } = fixture;
  expect(await client.docState(ns, "raw")).toEqual({ client: 7, update: Buffer.from([0, 0]) });
  await client.docUpdate(ns, "raw", Uint8Array.of(1, 2, 3));
  expect((await client.docGet(ns, "raw")).text).toBe("3 bytes");
});

describe("refused is", () => {
  const post = (body: string, verb = "edit"): ReturnType<typeof ask> =>
    ask(fixture.socketPath, "POST", `/v1/doc/${ns}/k/${verb}`, {
      headers: { "content-type": "application/json" },
      body,
    });
  const many = `{"edits":[${'[0,0,"x"],'.repeat(limits.docSplicesMax)}[0,0,"x"]]}`;

  test.each([
    ['{"edits":[]}', "body/edits"],
    ['{"edits":[[0,0]]}', "body/edits/0"],
    ['{"edits":[[-1,0,""]]}', "body/edits/0/0"],
    ['{"edits":[[0,0.5,""]]}', "body/edits/0/1"],
    ['{"edits":[[0,0,"",1]]}', "body"],
    [many, "body/edits must not have more than 10000 items"],
  ])("the body %.30s", async (body, message) => {
    const answer = await post(body);
    expect([answer.status, errorCode(answer)]).toEqual([400, "BAD_REQUEST"]);
    expect(answer.text).toContain(message);
  });

  test("an edit beyond the end, and a merge without its base", async () => {
    expect(errorCode(await post('{"edits":[[7,0,"x"]]}'))).toBe("BAD_REQUEST");
    expect(errorCode(await post('{"text":"x"}', "merge"))).toBe("BAD_REQUEST");
    expect(errorCode(await post('{"base":"y","text":"x"}', "merge"))).toBe("NOT_FOUND");
  });

  test("a key and a namespace that are none", async () => {
    const bad = await ask(fixture.socketPath, "GET", `/v1/doc/${ns}/%00`);
    expect(errorCode(bad)).toBe("BAD_KEY");
    expect(errorCode(await ask(fixture.socketPath, "GET", "/v1/doc/No/k"))).toBe("BAD_NAMESPACE");
  });
});
