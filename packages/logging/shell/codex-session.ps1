# Session logs for PowerShell: a start record now, and an end record when the shell ends.
#
#   Invoke-Expression (& codex sessions shell powershell | Out-String)
#   Start-CodexSession $args
#   ...
#   Stop-CodexSession $LASTEXITCODE   # optional: the end of the shell does it
#
# $env:CODEX_SESSION_ID is set, so that what the script starts logs to the same session. A session that cannot be logged
# never ends a script.

function Start-CodexSession {
  param([string[]] $Arguments = @())
  if ($script:CodexSessionOpen) { return }
  $command = if ($env:CODEX_SESSION_COMMAND) { $env:CODEX_SESSION_COMMAND } else { 'codex' }
  $name = if ($MyInvocation.ScriptName) { $MyInvocation.ScriptName } else { 'pwsh' }
  $id = & $command sessions start '--' $name @Arguments
  if ($LASTEXITCODE -ne 0 -or -not $id) { return }
  $env:CODEX_SESSION_ID = $id
  $script:CodexSessionOpen = $true
  Register-EngineEvent -SourceIdentifier PowerShell.Exiting -Action { Stop-CodexSession $global:LASTEXITCODE } | Out-Null
}

function Stop-CodexSession {
  param([int] $ExitCode = 0)
  if (-not $script:CodexSessionOpen) { return }
  $script:CodexSessionOpen = $false
  $command = if ($env:CODEX_SESSION_COMMAND) { $env:CODEX_SESSION_COMMAND } else { 'codex' }
  & $command sessions end '--exit-code' $ExitCode
}
