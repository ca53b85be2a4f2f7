/**
 * `npm run laws -- [--cases 100000] [--seed N] [--only TEXT] [--path P]`: the laws of the state by property test, so
 * many cases of each law and class. Exit code 1 if one has a counterexample, which is printed with its seed and path.
 */
import { parseArgs } from "node:util";
import fc from "fast-check";
import { allLaws, type Law } from "../test/state/laws.ts";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    /** Laws whose names contain this. */
    only: { type: "string", default: "" },
    /** Of a counterexample, to see it again; with its seed and its law. */
    path: { type: "string", default: "" },
  },
});

const [cases, seed] = [Number(values.cases), Number(values.seed)];
if (!Number.isSafeInteger(cases) || cases < 1 || !Number.isSafeInteger(seed)) {
  console.error("--cases takes a number from 1, --seed a whole number");
  process.exit(2);
}
const chosen = allLaws.filter(({ name }) => name.includes(values.only));
if (chosen.length === 0) {
  console.error(`no law has ${JSON.stringify(values.only)} in its name`);
  process.exit(2);
}

function row(count: string, seconds: string, name: string): string {
  return `${count.padStart(9)}  ${seconds.padStart(7)}  ${name}`;
}

/** True when no case broke the law. */
function holds({ name, property }: Law): boolean {
  const start = process.hrtime.bigint();
  const path = values.path === "" ? {} : { path: values.path };
  const details = fc.check(property, { numRuns: cases, seed, ...path });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  console.log(row(String(details.numRuns), seconds.toFixed(1), name));
  if (!details.failed) return true;
  console.log(fc.defaultReportMessage(details));
  const again = [
    "--only",
    name,
    "--seed",
    String(seed),
    "--path",
    details.counterexamplePath ?? "",
  ];
  console.log(`again: npm run laws -- ${again.map((word) => JSON.stringify(word)).join(" ")}`);
  return false;
}

console.log(row("cases", "seconds", `law (seed ${seed})`));
const broken = chosen.filter((law) => !holds(law));
console.log(`${chosen.length - broken.length} of ${chosen.length} laws hold`);
process.exitCode = broken.length === 0 ? 0 : 1;
