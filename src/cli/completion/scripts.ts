import { shellWord } from '../../util/shell-word.js';
import type { CommandWords, Values } from './command-words.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * The script that a shell reads once. Commands, flags and fixed values are in it; names of tenants, domains and migrations
 * come from the program, which answers from what it has kept.
 *
 * Names are hostile text to a shell: they are never part of a word list that it expands.
 */
export function completionScript(shell: Shell, commands: readonly CommandWords[]): string {
  return { bash, zsh, fish }[shell](commands);
}

/** The programs of the package. */
const PROGRAMS = ['tenants', 'pg-tenants'];

function bash(commands: readonly CommandWords[]): string {
  return `# Completion of tenants for bash: source <(tenants completion bash)
${lookUps(commands)}
_tenants_complete() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" program="\${COMP_WORDS[0]}" values name
  # bash makes a word of its own of the = in --tenant=acme.
  if [ "$cur" = = ]; then cur=; elif [ "$prev" = = ]; then prev="\${COMP_WORDS[COMP_CWORD-2]}"; fi
  _tenants_position "$((COMP_CWORD - 1))" "\${COMP_WORDS[@]:1:COMP_CWORD}"
  values="$(_tenants_values "$_tenants_command" "$prev" "$cur" "$_tenants_argument")"
  COMPREPLY=()
  if [ "$values" = files ]; then compopt -o default 2>/dev/null; return; fi
  # A list is completed after its last comma.
  local list="\${cur%"\${cur##*,}"}"
  while IFS= read -r name; do
    [ -n "$name" ] || continue
    case "$name" in "\${cur#"$list"}"*) COMPREPLY+=("$list$(printf '%q' "$name")") ;; esac
  done < <(_tenants_print "$program" "$values")
}
complete -F _tenants_complete ${PROGRAMS.join(' ')}
`;
}

function zsh(commands: readonly CommandWords[]): string {
  return `#compdef ${PROGRAMS.join(' ')}
# Completion of tenants for zsh: source <(tenants completion zsh), after compinit
${lookUps(commands)}
_tenants() {
  emulate -L zsh
  local cur="\${words[CURRENT]}" prev="\${words[CURRENT-1]}" values
  local -a found
  case "$cur" in --*=*) prev="\${cur%%=*}"; compset -P '*='; cur="\${cur#*=}" ;; esac
  _tenants_position "$((CURRENT - 2))" "\${(@)words[2,CURRENT]}"
  values="$(_tenants_values "$_tenants_command" "$prev" "$cur" "$_tenants_argument")"
  if [ "$values" = files ]; then _files; return; fi
  compset -P '*,'
  found=("\${(@f)$(_tenants_print "\${words[1]}" "$values")}")
  compadd -- "\${(@)found:#}"
}
if [ "\${funcstack[1]}" = _tenants ]; then _tenants "$@"; else compdef _tenants ${PROGRAMS.join(' ')}; fi
`;
}

/**
 * Functions that bash and zsh share. \`_tenants_position\` finds the command and counts the arguments before the cursor;
 * \`_tenants_values\` says what can stand there: \`files\`, \`names KIND\`, or a word a line.
 */
function lookUps(commands: readonly CommandWords[]): string {
  const flags = commands.flatMap(({ name, flags }) =>
    flags.flatMap(({ name: flag, values }) =>
      values === undefined ? [] : [`    ${shellWord(`${name} --${flag}`)}) ${echo(values)} ;;`],
    ),
  );
  const words = commands.map(({ name, flags }) => `    ${name}) ${echo(flags.map((flag) => `--${flag.name}`))} ;;`);
  const positions = commands.flatMap(({ name, arguments: given }) =>
    given.map((values, index) => `    ${shellWord(`${name} ${index + 1}`)}) ${echo(values)} ;;`),
  );
  const withValue = [
    ...new Set(commands.flatMap(({ flags }) => flags.filter(({ values }) => values).map(({ name }) => `--${name}`))),
  ];
  return `_tenants_position() {
  local index=0 last="$1" word skip=; shift
  _tenants_command= _tenants_argument=1
  for word in "$@"; do
    index=$((index + 1))
    [ "$index" -gt "$last" ] && break
    if [ "$word" = = ]; then skip=1; continue; fi
    if [ -n "$skip" ]; then skip=; continue; fi
    case "$word" in
      ${withValue.join('|')}) skip=1 ;;
      -*) ;;
      *) if [ -z "$_tenants_command" ]; then _tenants_command="$word"; else _tenants_argument=$((_tenants_argument + 1)); fi ;;
    esac
  done
}
_tenants_values() {
  case "$1 $2" in
${flags.join('\n')}
    *) case "$1" in
      '') ${echo(commands.map(({ name }) => name))}; return ;;
    esac
    case "$3" in -*) _tenants_flags "$1"; return ;; esac
    case "$1 $4" in
${positions.join('\n')}
    esac ;;
  esac
}
_tenants_flags() {
  case "$1" in
${words.join('\n')}
  esac
}
_tenants_print() {
  case "$2" in
    'names '*) "$1" completion --names "\${2#names }" 2>/dev/null ;;
    *) printf '%s\\n' "$2" ;;
  esac
}`;
}

function echo(values: Values): string {
  if (values === 'files') return 'echo files';
  if ('names' in values) return `echo 'names ${values.names}'`;
  return values.length === 0 ? ':' : `printf '%s\\n' ${values.map(shellWord).join(' ')}`;
}

function fish(commands: readonly CommandWords[]): string {
  const program = PROGRAMS[0] ?? '';
  const lines = commands.flatMap(({ name, summary, flags, arguments: given }) => [
    `complete -c ${program} -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...given
      .slice(0, 1)
      .map(
        (values) => `complete -c ${program} -n ${quoted(`__fish_seen_subcommand_from ${name}`)} ${fishValues(values)}`,
      ),
    ...flags.map(
      (flag) =>
        `complete -c ${program} -n ${quoted(`__fish_seen_subcommand_from ${name}`)} -l ${flag.name} -d ${quoted(flag.description)}` +
        (flag.values === undefined ? '' : ` -r ${fishValues(flag.values)}`),
    ),
  ]);
  return `# Completion of tenants for fish: tenants completion fish | source
complete -c ${program} -f
${lines.join('\n')}
complete -c pg-tenants -w ${program}
`;
}

function fishValues(values: Values): string {
  if (values === 'files') return '-F';
  const source = 'names' in values ? `(tenants completion --names ${values.names} 2>/dev/null)` : values.join(' ');
  return source === '' ? '-f' : `-f -a ${quoted(source)}`;
}

/** In fish, a backslash and a quote are escaped within single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
}
