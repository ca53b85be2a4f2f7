import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startFake, temporaryFolder, type Fake } from "./cli.ts";

const folder = temporaryFolder();
let fake: Fake;

beforeAll(async () => {
  fake = await startFake(folder.path);
});
afterAll(async () => {
  await fake.stop();
  folder[Symbol.dispose]();
});

const service = (...words: string[]) => run(["service", ...words], { dataDir: folder.path });

test("a service is exposed, shown, forwarded, and taken back", async () => {
  const exposed = await service("expose", "notes", "--tcp", "localhost:3000", "--http");
  expect([exposed.code, exposed.err]).toEqual([
    0,
    "notes leads to 127.0.0.1:3000; allowed: nobody yet (see --allow)\n",
  ]);
  const rules = ["--allow", "node-0", "--allow", "tag:role=app", "--weight", "5", "--json"];
  const again = await service("expose", "notes", "--tcp", "127.0.0.1:3000", ...rules);
  expect(JSON.parse(again.out)).toMatchObject({
    name: "notes",
    exposed: { http: false, weight: 5, allow: [expect.stringMatching(/^12D3/), "tag:role=app"] },
  });
  const made = await service("forward", "notes", "--listen", "127.0.0.1:0", "--json");
  const { forwards } = JSON.parse(made.out) as { forwards: { listen: string }[] };
  const listen = forwards[0]?.listen ?? "";
  expect((await service("ls")).out).toBe(`notes\t1\t1\tyes\t${listen}\t-\n`);
  expect((await service("status", "notes")).out).toMatch(
    /^node-0\twell\t5\t0\t0\t0\t-\t-\t12D3\w+\n$/,
  );
  expect((await service("forward", "notes", "--remove")).err).toBe(
    "nothing leads to notes any more\n",
  );
  expect((await service("rm", "notes", "--drain", "1s")).err).toBe(
    "notes is not exposed here any more\n",
  );
  expect(JSON.parse((await service("ls", "--json")).out)).toEqual({
    services: [],
    gateway: null,
    faults: [],
  });
});

test.each([
  [2, ["expose", "x"], "either a TCP or a unix target"],
  [6, ["expose", "x", "--tcp", "192.0.2.1:80"], "must be on this machine"],
  [2, ["forward", "x"], "wants --listen"],
  [6, ["forward", "x", "--listen", "0.0.0.0:8080"], "must be on this machine"],
  [2, ["forward", "x", "--listen", "127.0.0.1:0", "--policy", "luck"], "policy"],
  [1, ["status", "x"], "nobody provides"],
  [1, ["rm", "x"], "does not expose"],
])("exit code %i and one line for service %j", async (code, words, line) => {
  const outcome = await service(...words);
  expect(outcome.code).toBe(code);
  expect(outcome.err).toContain(line);
});
