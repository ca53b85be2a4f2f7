import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { CoterieError } from "../../src/core/errors.ts";
import { formatKeyFile, parseKeyFile } from "../../src/core/key-file.ts";
import { nameFault } from "../../src/core/name.ts";
import {
  createNetwork,
  formatNetworkFile,
  networkIdOf,
  parseNetworkFile,
} from "../../src/core/network.ts";
import { codedError } from "../coded-error.ts";

const bytes = (length: number, first: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (first + index) & 0xff);

const make = (name = "home"): ReturnType<typeof createNetwork> =>
  createNetwork({ name, ownerSeed: bytes(32, 0), secret: bytes(32, 100), nonce: bytes(16, 200) });

/** `parse` either returns or refuses with BAD_FORMAT. */
function onlyRefuses(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(CoterieError);
    expect((error as CoterieError).code).toBe("BAD_FORMAT");
  }
}

describe("network id", () => {
  test("is the hash of tag, owner public key and nonce", () => {
    const { record, owner } = make();
    const hash = createHash("sha256");
    hash.update(Uint8Array.of("coterie/network".length)).update("coterie/network");
    hash.update(owner.publicKey).update(bytes(16, 200));
    expect(toHex(record.keys.id)).toBe(hash.digest("hex"));
  });

  test("has the bytes of the vector", () => {
    // the public key of RFC 8032, section 7.1, test 1
    const ownerPublicKey = Buffer.from(
      "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
      "hex",
    );
    const id = networkIdOf({ ownerPublicKey, nonce: bytes(16, 0) });
    expect(toHex(id)).toBe("896b2fd6b81226c5e772f05f80a64a752d35493ddad6e0820cf6555968f6c126");
  });

  test("depends on the key and the nonce, not on name, secret or epoch", () => {
    const { keys, origin } = make().record;
    expect(networkIdOf(origin!)).toEqual(keys.id);
    expect(make("other").record.keys.id).toEqual(keys.id);
    expect(networkIdOf({ ...origin!, nonce: bytes(16, 201) })).not.toEqual(keys.id);
  });
});

describe("network file", () => {
  test("keeps a network whole, with and without what its id is the hash of", () => {
    const { record } = make("größtes Netz");
    expect(parseNetworkFile(formatNetworkFile(record))).toEqual(record);
    const joined = { keys: record.keys, origin: undefined };
    expect(parseNetworkFile(formatNetworkFile(joined))).toEqual(joined);
  });

  test.each([
    ["an id that its key does not hash to", { id: "00".repeat(32) }, /does not belong/],
    ["a short secret", { secret: "00" }, /secret has 32 bytes/],
    ["upper-case digits", { secret: "AA".repeat(32) }, /lower-case/],
    ["epoch 0", { epoch: 0 }, /epoch/],
    ["an epoch that is text", { epoch: "1" }, /epoch/],
    ["a newer format", { format: 2 }, /format is 2/],
    ["an unknown field", { colour: "red" }, /"colour" is unknown/],
    ["a nonce of wrong length", { nonce: "00" }, /nonce has 16/],
    ["a name with a line break", { name: "a\nb" }, /control/],
    ["half of the origin", { nonce: undefined }, /"nonce" is missing/],
  ])("is refused with %s", async (_what, change, reason) => {
    const fields = { ...JSON.parse(formatNetworkFile(make().record)), ...change };
    const text = JSON.stringify(fields);
    expect((await codedError(() => parseNetworkFile(text), "BAD_FORMAT")).message).toMatch(reason);
  });

  test("never quotes the secret when it is damaged", async () => {
    const text = formatNetworkFile(make().record);
    const secret = toHex(bytes(32, 100));
    for (let length = 0; length < text.length - 1; length += 7) {
      const error = await codedError(() => parseNetworkFile(text.slice(0, length)), "BAD_FORMAT");
      expect(error.message).not.toContain(secret.slice(0, 8));
    }
  });

  test("of any content is parsed or refused", () => {
    const fields = fc.record(
      {
        format: fc.constant(1),
        id: fc.anything(),
        name: fc.anything(),
        epoch: fc.anything(),
        secret: fc.string(),
      },
      { requiredKeys: [] },
    );
    fc.assert(fc.property(fc.string(), (text) => onlyRefuses(() => parseNetworkFile(text))));
    fc.assert(fc.property(fc.json(), (text) => onlyRefuses(() => parseNetworkFile(text))));
    fc.assert(
      fc.property(fields, (value) => onlyRefuses(() => parseNetworkFile(JSON.stringify(value)))),
    );
  });
});

describe("key file", () => {
  test("is one labelled line", () => {
    const text = `coterie-identity-v1 ${"0f".repeat(32)}\n`;
    expect(formatKeyFile("identity", new Uint8Array(32).fill(15))).toBe(text);
    expect(parseKeyFile("identity", text)).toEqual(new Uint8Array(32).fill(15));
  });

  test.each([
    ["nothing", ""],
    ["a key of another kind", formatKeyFile("owner", bytes(32, 1))],
    ["a key cut short", `coterie-identity-v1 ${"0f".repeat(31)}\n`],
    ["two lines", `${formatKeyFile("identity", bytes(32, 1))}\n`],
    ["a carriage return", `coterie-identity-v1 ${"0f".repeat(32)}\r\n`],
    ["zeros of a lost write", "\0".repeat(85)],
  ])("is refused with %s", async (_what, text) => {
    await codedError(() => parseKeyFile("identity", text), "BAD_FORMAT");
  });

  test("of any content is parsed or refused without quoting it", () => {
    fc.assert(
      fc.property(fc.string(), (text) => onlyRefuses(() => parseKeyFile("identity", text))),
    );
  });
});

describe("name", () => {
  test.each(["a", "Ada's laptop", "größtes", "机房-3", "x".repeat(64)])("can be %j", (name) => {
    expect(nameFault(name)).toBeUndefined();
  });

  test.each([
    "",
    " a",
    "a ",
    "a\nb",
    "a\u001b[31m",
    "a\u202eb",
    "\ud800",
    "x".repeat(65),
    "机".repeat(22),
  ])("cannot be %j", (name) => {
    expect(nameFault(name)).toEqual(expect.any(String));
  });
});
