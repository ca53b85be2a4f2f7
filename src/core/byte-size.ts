/** Sizes as people write them: `500MB`, `10GiB`, `1.5TiB`, `4096`. */

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** In bytes; undefined for what is no size, or more than a number holds exactly. */
export function parseByteSize(text: string): number | undefined {
  const [, number = "", unit = ""] = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-zA-Z]{0,3})$/.exec(text) ?? [];
  const scale = units[unit.toLowerCase()];
  if (number === "" || scale === undefined) return undefined;
  const bytes = Math.floor(Number(number) * scale);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
