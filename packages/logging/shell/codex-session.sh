# Session logs for bash and zsh: a start record now, and an end record with the true exit code when the shell ends.
#
#   eval "$(codex sessions shell bash)"
#   codex_session_start "$@"
#   ...
#   codex_session_end          # optional: the end of the shell does it
#
# CODEX_SESSION_ID is exported, so that what the script starts logs to the same session. CODEX_SESSION_COMMAND names the
# program if it is not `codex` on the path. A session that cannot be logged never ends a script.

codex_session_start() {
  if [ -n "${_CODEX_SESSION_OPEN-}" ]; then
    return 0
  fi
  local id
  id="$(${CODEX_SESSION_COMMAND:-codex} sessions start -- "${BASH_SOURCE[${#BASH_SOURCE[@]}-1]:-${ZSH_ARGZERO-$0}}" "$@")" || return 0
  export CODEX_SESSION_ID="$id"
  _CODEX_SESSION_OPEN=$$
  if [ -n "${ZSH_VERSION-}" ]; then
    autoload -Uz add-zsh-hook
    add-zsh-hook zshexit _codex_session_exit
  else
    # What was trapped before still runs, after the record is written, with the exit code in $?.
    _CODEX_SESSION_TRAP="$(trap -p EXIT)"
    _CODEX_SESSION_TRAP="${_CODEX_SESSION_TRAP#trap -- }"
    _CODEX_SESSION_TRAP="${_CODEX_SESSION_TRAP% EXIT}"
    trap _codex_session_exit EXIT
  fi
}

# codex_session_end [EXIT_CODE]: by default that of the last command.
codex_session_end() {
  local code="${1:-$?}"
  # A subshell inherits all of this, and its end is not that of the session.
  if [ "${_CODEX_SESSION_OPEN-}" != "$$" ] || [ "${ZSH_SUBSHELL:-${BASH_SUBSHELL:-0}}" -gt 0 ]; then
    return "$code"
  fi
  _CODEX_SESSION_OPEN=
  ${CODEX_SESSION_COMMAND:-codex} sessions end --exit-code "$code" || :
  return "$code"
}

_codex_session_exit() {
  local code=$?
  codex_session_end "$code" || :
  if [ -n "${_CODEX_SESSION_TRAP-}" ]; then
    local before="$_CODEX_SESSION_TRAP"
    _CODEX_SESSION_TRAP=
    if (exit "$code"); then eval "eval $before"; else eval "eval $before"; fi # either way it finds the code in $?
  fi
  return "$code"
}
