/** What an operator is told, once each: the disk refuses events or takes them again, the database is behind, the clock went back. */
export interface SessionNotice {
  readonly kind: "deferred" | "resumed" | "database" | "clock";
  readonly message: string;
  readonly error?: Error;
}

/** On stderr, as Node's own warnings are: `node --no-warnings` turns it off, `process.on("warning")` gets it. */
export function warnOfNotice({ message, kind }: SessionNotice): void {
  process.emitWarning(message, { type: "CodexSessionWarning", code: `LOGGING_${kind.toUpperCase()}` });
}
