import { nextWords, nounsOf, quoted, valued } from "./facts.ts";
import { globalOptions, type Option, type Verb } from "../verb.ts";

function fishQuoted(text: string): string {
  return quoted(text.replaceAll("\\", "\\\\"), "\\'");
}

function nextLines(verbs: readonly Verb[], noun?: string): string[] {
  const at = `__coterie_at ${noun ?? ""}`.trim();
  return nextWords(verbs, noun).map(
    ({ word, summary }) =>
      `complete -c coterie -n ${fishQuoted(at)} -a ${word} -d ${fishQuoted(summary)}`,
  );
}

function valueFlags({ type, choices, complete }: Option): string {
  if (type === "flag") return "";
  if (choices !== undefined) return ` -x -a ${fishQuoted(choices.join(" "))}`;
  if (complete === "directory") return " -x -a '(__fish_complete_directories)'";
  return complete === "file" ? " -r -F" : " -x";
}

function optionLine(condition: string, name: string, option: Option): string {
  const short = option.short === undefined ? "" : ` -s ${option.short}`;
  return `complete -c coterie${condition}${short} -l ${name}${valueFlags(option)} -d ${fishQuoted(option.help)}`;
}

function verbLines(verb: Verb): string[] {
  const path = verb.path.join(" ");
  const inside = ` -n ${fishQuoted(`__coterie_in ${path}`)}`;
  const options = Object.entries(verb.options).map(([name, option]) =>
    optionLine(inside, name, option),
  );
  const args = verb.args.flatMap(({ choices, complete }) => {
    if (choices !== undefined) {
      return [
        `complete -c coterie -n ${fishQuoted(`__coterie_at ${path}`)} -a ${fishQuoted(choices.join(" "))}`,
      ];
    }
    return complete === "file" ? [`complete -c coterie${inside} -F`] : [];
  });
  return [...options, ...args, ...(verb.raw ? [`complete -c coterie${inside} -F`] : [])];
}

export function fishScript(verbs: readonly Verb[]): string {
  const taking = valued(verbs, () => true).join(" ");
  return `# fish completion for coterie, made by: coterie completion fish
function __coterie_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word ${taking}
            set skip 1
        else if not string match -q -- '-*' $word; and test $word != help
            echo $word
        end
    end
end
function __coterie_at
    set -l given (__coterie_words)
    test "$given" = "$argv"
end
function __coterie_in
    set -l given (__coterie_words)
    test (count $given) -ge (count $argv); and test "$given[1..$(count $argv)]" = "$argv"
end
complete -c coterie -e
complete -c coterie -f
${Object.entries(globalOptions)
  .map(([name, option]) => optionLine("", name, option))
  .join("\n")}
${[...nextLines(verbs), ...nounsOf(verbs).flatMap((noun) => nextLines(verbs, noun))].join("\n")}
${verbs.flatMap(verbLines).join("\n")}
`;
}
