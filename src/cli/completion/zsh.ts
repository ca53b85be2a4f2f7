import { choiceGroups, nextWords, nounsOf, quoted, spellings, valued } from "./facts.ts";
import { globalOptions, type Options, type Verb } from "../verb.ts";

function described(word: string, summary: string): string {
  return quoted(`${word}:${summary.replaceAll(":", "\\:")}`);
}

function optionEntries(options: Options): string {
  return Object.entries({ ...options, ...globalOptions })
    .flatMap(([name, option]) =>
      spellings(name, option).map((word) => described(word, option.help)),
    )
    .join(" ");
}

function nextCase(verbs: readonly Verb[], noun?: string): string {
  const entries = nextWords(verbs, noun).map(({ word, summary }) => described(word, summary));
  return `    (${quoted(noun ?? "")}) next=(${entries.join(" ")}) ;;`;
}

function verbCase(verb: Verb): string {
  const args = verb.args.flatMap(({ choices, complete }, index) => {
    if (choices !== undefined) return [`(( count == ${index} )) && next=(${choices.join(" ")})`];
    return complete === "file" ? [`(( count == ${index} )) && files=1`] : [];
  });
  if (verb.raw) {
    const path = quoted(verb.path.join(" "));
    return `    (${path}) ${[...args, "(( ${#next} )) || files=1"].join("; ")} ;;`;
  }
  return [
    `    (${quoted(verb.path.join(" "))})`,
    `      options=(${optionEntries(verb.options)})`,
    ...args.map((line) => `      ${line}`),
    "      ;;",
  ].join("\n");
}

export function zshScript(verbs: readonly Verb[]): string {
  const files = valued(verbs, ({ complete }) => complete === "file").join("|");
  const folders = valued(verbs, ({ complete }) => complete === "directory").join("|");
  const free = valued(verbs, ({ complete, choices }) => !complete && !choices).join("|");
  const choices = [...choiceGroups(verbs)].map(
    ([words, names]) => `    (${names.join("|")}) compadd -- ${words}; return ;;`,
  );
  const nouns = nounsOf(verbs);
  return `#compdef coterie
# zsh completion for coterie, made by: coterie completion zsh
_coterie() {
  local -a names next options
  local word command='' files=''
  local -i i count
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    case $word in
    (${valued(verbs, () => true).join("|")}) ((i++)) ;;
    (-*) ;;
    (*) names+=("$word") ;;
    esac
  done
  case \${words[CURRENT-1]} in
${choices.join("\n")}
    (${files}) _files; return ;;
    (${folders}) _files -/; return ;;
    (${free}) _message value; return ;;
  esac
  [[ \${names[1]-} == help ]] && shift names
  command=\${names[1]-}
  count=$((\${#names} - 1))
  case $command in
    (${nouns.join("|")})
      if (( count > 0 )); then command="$command \${names[2]}"; count=$((count - 1)); fi ;;
  esac
  options=(${optionEntries({})})
  case $command in
${[nextCase(verbs), ...nouns.map((noun) => nextCase(verbs, noun))].join("\n")}
${verbs.map(verbCase).join("\n")}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o option options
  elif [[ -n $files ]]; then
    _files
  elif (( \${#next} )); then
    _describe command next
  fi
}
if [[ \${funcstack[1]} == _coterie ]]; then _coterie "$@"; else compdef _coterie coterie; fi
`;
}
