import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type Client } from "../../src/control/client.ts";
import { run, startFake, temporaryFolder, type Fake, type RunOptions } from "./cli.ts";

const folder = temporaryFolder();
let fake: Fake;
let client: Client;

beforeAll(async () => {
  fake = await startFake(folder.path);
  client = createClient(join(folder.path, "control.sock"));
});
afterAll(async () => {
  await fake.stop();
  folder[Symbol.dispose]();
});

const doc = (words: readonly string[], options: RunOptions = {}) =>
  run(["doc", ...words], { dataDir: folder.path, ...options });
const path = (name: string): string => join(folder.path, name);
const read = (name: string): string => readFileSync(path(name), "utf8");

test("a file makes the document; get, ls and export show it; del deletes it", async () => {
  writeFileSync(path("made.md"), "# Title\n");
  const made = await doc(["edit", "made", path("made.md"), "--json"]);
  expect(JSON.parse(made.out)).toEqual({
    key: "made",
    file: path("made.md"),
    sent: true,
    received: false,
    length: 8,
  });
  expect((await doc(["get", "made"])).out).toBe("# Title\n");
  expect(JSON.parse((await doc(["get", "made", "--json"])).out)).toMatchObject({
    text: "# Title\n",
  });
  expect((await doc(["ls", "--prefix", "ma"])).out).toBe("made\n");
  expect(JSON.parse((await doc(["ls", "--json"])).out)).toMatchObject({ items: [{ key: "made" }] });
  await doc(["export", "made", "-o", path("copy.md")]);
  expect(read("copy.md")).toBe("# Title\n");
  expect((await doc(["export", "made"])).out).toBe("# Title\n");
  expect((await doc(["del", "made"])).code).toBe(0);
  expect(await doc(["get", "made"])).toMatchObject({ code: 1, out: "" });
});

test("a file that is not there is written, and edits then go both ways", async () => {
  await client.docEdit("default", "both", [[0, 0, "one\ntwo\nthree\n"]]);
  await doc(["edit", "both", path("both.txt")]);
  expect(read("both.txt")).toBe("one\ntwo\nthree\n");
  chmodSync(path("both.txt"), 0o640);
  writeFileSync(path("both.txt"), "one\ntwo\nthree\nmine\n");
  await client.docEdit("default", "both", [[0, 0, "theirs\n"]]);
  const outcome = JSON.parse((await doc(["edit", "both", path("both.txt"), "--json"])).out);
  expect(outcome).toMatchObject({ sent: true, received: true });
  expect(read("both.txt")).toBe("theirs\none\ntwo\nthree\nmine\n");
  expect((await client.docGet("default", "both")).text).toBe(read("both.txt"));
  expect(statSync(path("both.txt")).mode & 0o777).toBe(0o640);
  const again = JSON.parse((await doc(["edit", "both", path("both.txt"), "--json"])).out);
  expect(again).toMatchObject({ sent: false, received: false });
});

test("a break after the document got the edits does not put them in twice", async () => {
  await client.docEdit("default", "break", [[0, 0, "one\ntwo\n"]]);
  await doc(["edit", "break", path("break.txt")]);
  writeFileSync(path("break.txt"), "one\nmine\ntwo\n");
  // as if the command had been killed when the daemon had answered
  await client.docMerge("default", "break", { base: "one\ntwo\n", text: "one\nmine\ntwo\n" });
  await client.docEdit("default", "break", [[0, 0, "theirs\n"]]);
  await doc(["edit", "break", path("break.txt")]);
  expect(read("break.txt")).toBe("theirs\none\nmine\ntwo\n");
});

test("a file that never came from the document does not replace it unless told to", async () => {
  await client.docEdit("default", "held", [[0, 0, "of others\n"]]);
  writeFileSync(path("held.txt"), "mine\n");
  const refused = await doc(["edit", "held", path("held.txt")]);
  expect(refused).toMatchObject({ code: 6, out: "" });
  expect(refused.err).toContain("--replace");
  expect((await client.docGet("default", "held")).text).toBe("of others\n");
  expect((await doc(["edit", "held", path("held.txt"), "--replace"])).code).toBe(0);
  expect((await client.docGet("default", "held")).text).toBe("mine\n");
});

test("a document that was deleted meanwhile does not come back by itself, nor is the file touched", async () => {
  await client.docEdit("default", "gone", [[0, 0, "text\n"]]);
  await doc(["edit", "gone", path("gone.txt")]);
  await client.docDelete("default", "gone");
  writeFileSync(path("gone.txt"), "text\nmore\n");
  expect(await doc(["edit", "gone", path("gone.txt")])).toMatchObject({ code: 1 });
  expect(read("gone.txt")).toBe("text\nmore\n");
  expect((await doc(["edit", "gone", path("gone.txt"), "--replace"])).code).toBe(0);
  expect((await client.docGet("default", "gone")).text).toBe("text\nmore\n");
});

test("what is no text, and neither file nor document, is refused", async () => {
  writeFileSync(path("bytes"), Uint8Array.of(0xc3, 0x28));
  expect(await doc(["edit", "bytes", path("bytes")])).toMatchObject({ code: 2 });
  rmSync(path("nothing"), { force: true });
  expect(await doc(["edit", "nothing", path("nothing")])).toMatchObject({ code: 1 });
  expect(existsSync(path("nothing"))).toBe(false);
});
