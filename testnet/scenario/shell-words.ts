import { CoterieError } from "../../src/core/errors.ts";

/** The words of a line, as a shell splits it: quotes of both kinds keep words together. Throws `USAGE`. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  let rest = line.trimStart();
  while (rest !== "") {
    const [word = ""] = /^(?:[^\s"']|"[^"]*"|'[^']*')+/.exec(rest) ?? [];
    if (word === "") throw new CoterieError("USAGE", "a quote is not closed");
    words.push(word.replace(/"([^"]*)"|'([^']*)'/g, "$1$2"));
    const after = rest.slice(word.length);
    if (after !== "" && !/^\s/.test(after))
      throw new CoterieError("USAGE", "a quote is not closed");
    rest = after.trimStart();
  }
  return words;
}
