/** What completion scripts need of the table. The same name or letter means the same option in every verb. */
import { globalOptions, type Option, type Options, type Verb } from "../verb.ts";

/** Every option of every verb by its name. */
export function allOptions(verbs: readonly Verb[]): Options {
  return Object.assign({}, globalOptions, ...verbs.map((verb) => verb.options)) as Options;
}

/** `--output`, and `-o` when it has a letter. */
export function spellings(name: string, option: Option): string[] {
  return option.short === undefined ? [`--${name}`] : [`--${name}`, `-${option.short}`];
}

/** Spellings of all options that take a value and for which `wanted` holds. */
export function valued(verbs: readonly Verb[], wanted: (option: Option) => boolean): string[] {
  return Object.entries(allOptions(verbs))
    .filter(([, option]) => option.type !== "flag" && wanted(option))
    .flatMap(([name, option]) => spellings(name, option));
}

/** Groups of spellings that take one of the same words. */
export function choiceGroups(verbs: readonly Verb[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, option] of Object.entries(allOptions(verbs))) {
    if (option.choices === undefined) continue;
    const words = option.choices.join(" ");
    groups.set(words, [...(groups.get(words) ?? []), ...spellings(name, option)]);
  }
  return groups;
}

export type Next = { readonly word: string; readonly summary: string };

/** Words that may come first, or after `noun`. */
export function nextWords(verbs: readonly Verb[], noun?: string): Next[] {
  const index = noun === undefined ? 0 : 1;
  const found = new Map<string, string>();
  for (const { path, summary } of verbs) {
    const word = path[index];
    if (word === undefined || (noun !== undefined && path[0] !== noun)) continue;
    const several = index === 0 && path.length === 2;
    const known = found.get(word);
    if (known === undefined) found.set(word, several ? (path[1] ?? "") : summary);
    else if (several) found.set(word, `${known}, ${path[1]}`);
  }
  return [...found].map(([word, summary]) => ({ word, summary }));
}

/** First words that others follow. */
export function nounsOf(verbs: readonly Verb[]): string[] {
  return [...new Set(verbs.filter(({ path }) => path.length === 2).map(({ path }) => path[0]))];
}

/** In single quotes, as bash, zsh and (with its own escapes) fish read them. */
export function quoted(text: string, apostrophe = `'\\''`): string {
  return `'${text.replaceAll("'", apostrophe)}'`;
}
