import { spellings, choiceGroups, nextWords, nounsOf, valued } from "./facts.ts";
import { globalOptions, type Verb } from "../verb.ts";

function optionWords(verb: Verb): string {
  const entries = Object.entries({ ...verb.options, ...globalOptions });
  return entries.flatMap(([name, option]) => spellings(name, option)).join(" ");
}

/** The shell's condition for the arguments of a verb, by how many there are already. */
function argumentCases(verb: Verb): string[] {
  return verb.args.flatMap(({ choices, complete }, index) => {
    if (choices !== undefined)
      return [`[[ $count == ${index} ]] && next=${JSON.stringify(choices.join(" "))}`];
    return complete === "file" ? [`[[ $count == ${index} ]] && files=default`] : [];
  });
}

function verbCase(verb: Verb): string {
  if (verb.raw) {
    const cases = ["files=default", ...argumentCases(verb)].join("; ");
    return `    ${JSON.stringify(verb.path.join(" "))}) ${cases} ;;`;
  }
  return [
    `    ${JSON.stringify(verb.path.join(" "))})`,
    `      options=${JSON.stringify(optionWords(verb))}`,
    ...argumentCases(verb).map((line) => `      ${line}`),
    "      ;;",
  ].join("\n");
}

function nextCase(verbs: readonly Verb[], noun?: string): string {
  const words = nextWords(verbs, noun).map(({ word }) => word);
  return `    ${JSON.stringify(noun ?? "")}) next=${JSON.stringify(words.join(" "))} ;;`;
}

export function bashScript(verbs: readonly Verb[]): string {
  const files = valued(verbs, ({ complete }) => complete === "file").join("|");
  const folders = valued(verbs, ({ complete }) => complete === "directory").join("|");
  const free = valued(verbs, ({ complete, choices }) => !complete && !choices).join("|");
  const choices = [...choiceGroups(verbs)].map(
    ([words, names]) =>
      `    ${names.join("|")}) COMPREPLY=($(compgen -W ${JSON.stringify(words)} -- "$cur")); return ;;`,
  );
  const nouns = nounsOf(verbs);
  return `# bash completion for coterie, made by: coterie completion bash
_coterie() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local command="" options="" next="" files="" word i
  local -a words=()
  if [[ $cur == "=" ]]; then cur=""
  elif [[ $prev == "=" ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
    ${valued(verbs, () => true).join("|")})
      ((i++))
      if [[ \${COMP_WORDS[i]} == "=" ]]; then ((i++)); fi
      ;;
    -*|"=") ;;
    *) words+=("$word") ;;
    esac
  done
  case $prev in
${choices.join("\n")}
    ${files}) compopt -o default 2>/dev/null; return ;;
    ${folders}) compopt -o dirnames 2>/dev/null; return ;;
    ${free}) return ;;
  esac
  if [[ \${words[0]-} == help ]]; then words=("\${words[@]:1}"); fi
  command=\${words[0]-}
  local -i count=\${#words[@]}-1
  case $command in
    ${nouns.join("|")})
      if ((count > 0)); then command="$command \${words[1]}"; count=count-1; fi ;;
  esac
  case $command in
${[nextCase(verbs), ...nouns.map((noun) => nextCase(verbs, noun))].join("\n")}
${verbs.map(verbCase).join("\n")}
  esac
  if [[ -n $files ]]; then compopt -o "$files" 2>/dev/null; fi
  if [[ $cur == -* ]]; then next=\${options:-${quotedGlobals()}}; fi
  COMPREPLY=($(compgen -W "$next" -- "$cur"))
}
complete -F _coterie coterie
`;
}

function quotedGlobals(): string {
  return Object.entries(globalOptions)
    .flatMap(([name, option]) => spellings(name, option))
    .join(" ");
}
