// The scripts know nothing of oomlab's options: they ask the program itself, with OOMLAB_COMPLETE in its environment
// and the words before the cursor as its arguments (see cli/options.h), so that they never fall behind.
#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/command.h"
#include "cli/report.h"

namespace cli::commands {
namespace {

constexpr std::string_view kBash = R"sh(# bash completion of oomlab: source <(oomlab completion bash)
_oomlab() {
  local word=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]} line name values i
  local -a offered=()
  COMPREPLY=()
  if [[ $word == = ]]; then
    word=
  elif [[ $option == = ]]; then
    option=${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 2; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then # the rest is another program's
      if ((i + 1 == COMP_CWORD)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$word")
      else
        compopt -o default 2>/dev/null
      fi
      return
    fi
  done
  while IFS= read -r line; do
    name=${line%%$'\t'*} values=${line##*$'\t'}
    if [[ $name == "$option" && -n $values ]]; then
      case $values in
        *FILE* | *PATH*)
          compopt -o filenames 2>/dev/null
          mapfile -t COMPREPLY < <(compgen -f -- "$word")
          ;;
        *DIR*)
          compopt -o filenames 2>/dev/null
          mapfile -t COMPREPLY < <(compgen -d -- "$word")
          ;;
        *[a-z]*) mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word") ;;
      esac
      return
    fi
    if [[ $name == "$word"* && ($word == -* || $name != -*) ]]; then
      offered+=("$name")
    fi
  done < <(OOMLAB_COMPLETE=1 "${COMP_WORDS[0]}" "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null </dev/null)
  COMPREPLY=("${offered[@]}")
  if ((${#offered[@]} == 0 && COMP_CWORD > 1)) && [[ $word != -* ]]; then
    compopt -o default 2>/dev/null # files
  fi
}
complete -F _oomlab oomlab
)sh";

constexpr std::string_view kZsh = R"sh(#compdef oomlab
# zsh completion of oomlab: source <(oomlab completion zsh), or as _oomlab in a folder of $fpath
_oomlab() {
  local line name help values option=${words[CURRENT-1]}
  local -a offered options
  local -i dashes=${words[(i)--]}
  if (( dashes > 1 && dashes < CURRENT )); then # the rest is another program's
    shift $dashes words
    (( CURRENT -= dashes ))
    _normal
    return
  fi
  for line in ${(f)"$(OOMLAB_COMPLETE=1 ${words[1]} ${words[2,CURRENT-1]} 2>/dev/null </dev/null)"}; do
    name=${line%%$'\t'*} values=${line##*$'\t'} help=${${line#*$'\t'}%$'\t'*}
    if [[ $name == $option && -n $values ]]; then
      case $values in
        *FILE*|*PATH*) _files ;;
        *DIR*) _files -/ ;;
        *[a-z]*) compadd -- ${=values} ;;
        *) _message $values ;;
      esac
      return
    fi
    if [[ $name == -* ]]; then
      options+=("$name:$help")
    else
      offered+=("${name//:/\\:}:$help")
    fi
  done
  if [[ $PREFIX == -* ]]; then
    _describe -o option options
  elif (( $#offered )); then
    _describe word offered
  elif (( CURRENT > 2 )); then
    _files
  fi
}
if [[ $funcstack[1] == _oomlab ]]; then
  _oomlab "$@"
else
  compdef _oomlab oomlab
fi
)sh";

constexpr std::string_view kFish = R"sh(# fish completion of oomlab: oomlab completion fish | source
function __oomlab_complete
    set -l tokens (commandline -opc)
    set -l word (commandline -ct)
    if contains -- -- $tokens # the rest is another program's
        __fish_complete_path $word
        return
    end
    set -l offered
    for line in (OOMLAB_COMPLETE=1 $tokens 2>/dev/null </dev/null)
        set -l part (string split \t -- $line)
        if test "$part[1]" = "$tokens[-1]" -a -n "$part[3]"
            if string match -qr 'FILE|PATH|DIR' -- $part[3]
                __fish_complete_path $word
            else if string match -qr '[a-z]' -- $part[3]
                string split ' ' -- $part[3]
            end
            return
        end
        set -a offered $part[1]\t$part[2]
    end
    if string match -q -- '-*' $word
        string match -- '-*' $offered
    else if string match -qv -- '-*' $offered
        string match -v -- '-*' $offered
    else
        __fish_complete_path $word
    end
end
complete -c oomlab -f -a '(__oomlab_complete)'
)sh";

struct Shell {
  std::string_view name, script, help;
};
constexpr std::array<Shell, 3> kShells = {{
    {"bash", kBash, "source <(oomlab completion bash)"},
    {"zsh", kZsh, "source <(oomlab completion zsh)"},
    {"fish", kFish, "oomlab completion fish | source"},
}};

int run_completion(const Invocation& invocation);

}  // namespace

constinit extern const Command completion{
    .summary = "completion scripts for bash, zsh and fish",
    .usage = "bash|zsh|fish",
    .details =
        "For this shell, or in its start-up file:\n"
        "  bash: source <(oomlab completion bash)\n"
        "  zsh:  source <(oomlab completion zsh)     after compinit\n"
        "  fish: oomlab completion fish | source",
    .run = run_completion,
};

namespace {

int run_completion(const Invocation& invocation) {
  Options options;
  for (const auto& shell : kShells) {
    options.offer(shell.name, shell.help);
  }
  const auto parsed = options.parse(invocation.name, completion, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  const std::string_view wanted = parsed->words.size() == 1 ? std::string_view(parsed->words[0]) : "";
  for (const auto& shell : kShells) {
    if (shell.name == wanted) {
      return print(shell.script);
    }
  }
  return report(base::Error{
      .kind = base::ErrorKind::usage,
      .message = parsed->words.size() == 1
                     ? fmt::format("completion: '{}' is not one of: bash, zsh, fish", base::escape_terminal(wanted))
                     : "completion: name one shell: bash, zsh or fish"});
}

}  // namespace
}  // namespace cli::commands
