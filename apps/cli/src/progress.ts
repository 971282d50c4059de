import type { PipelineEvent, TrainHooks, TrainOutcome } from "@codex/pipeline";
import { EXIT_CODES } from "./exit-codes.ts";
import { paint, type Terminal } from "./terminal.ts";

type FormatProgress = typeof import("@codex/pipeline").formatProgress;

/** One event as a line for a person; `undefined` for what only programs want to know. */
function lineOf(event: PipelineEvent, terminal: Terminal, formatProgress: FormatProgress): string | undefined {
  switch (event.type) {
    case "run":
      return paint(terminal, 1, `run ${event.runId}`);
    case "stage":
      return `${paint(terminal, 36, event.stage.padEnd(9))} ${event.message}`;
    case "notice":
      return paint(terminal, 33, `warning: ${event.message}`);
    case "warning":
      return paint(terminal, 33, `warning: ${event.message}`);
    case "start":
      return event.resumed ? `going on from step ${event.step} of ${event.maxSteps}` : undefined;
    case "progress":
      return formatProgress(event);
    case "evaluation": {
      const bits = event.bitsPerByte === undefined ? "" : `  ${event.bitsPerByte.toFixed(4)} bits per byte`;
      return paint(terminal, 32, `step ${event.step}  validation loss ${event.lossNats.toFixed(4)}${bits}${event.best ? "  (best)" : ""}`);
    }
    case "sample":
      return `${paint(terminal, 2, `sample at step ${event.step}:`)}\n${event.text}`;
    case "checkpoint":
      return `saved ${event.path}`;
    case "stop":
      if (event.reason === "signal") return "stopped; everything is saved";
      return event.reason === "earlyStopping" ? "stopped early: the held-out loss no longer falls" : undefined;
    default:
      return undefined;
  }
}

/** What to type next, and what came out. */
function summary(outcome: TrainOutcome, terminal: Terminal): string {
  const lines: string[] = [""];
  if (outcome.completion) lines.push(paint(terminal, 1, "completion"), outcome.completion, "");
  if (outcome.bitsPerByte.length > 0) {
    lines.push(paint(terminal, 1, "held-out bits per byte (lower is better)"));
    for (const { name, bitsPerByte } of outcome.bitsPerByte) lines.push(`  ${name.padEnd(14)} ${bitsPerByte.toFixed(4)}`);
    lines.push("");
  }
  const { runDirectory } = outcome;
  lines.push(
    paint(terminal, 1, "saved"),
    `  ${runDirectory}   configuration, manifest, metrics, tokenizer, checkpoints`,
    `  ${outcome.checkpoint}   a Hugging Face model folder`,
    "",
    paint(terminal, 1, "next"),
    `  codex generate --checkpoint ${runDirectory} --prompt ${JSON.stringify(outcome.prompt ?? "Hello")}`,
    `  codex evaluate --checkpoint ${runDirectory}`,
    `  codex resume ${runDirectory}${outcome.stopReason === "signal" ? "" : ` --allow-drift training.maxSteps=${outcome.step * 2}`}`,
    `  from code: import { generate } from "@codex/pipeline"; await generate({ checkpoint: ${JSON.stringify(runDirectory)}, prompt: "..." })`,
  );
  return lines.join("\n");
}

/**
 * Runs a training command: its events become lines on standard error (or NDJSON on standard output), and the first SIGINT or SIGTERM asks it to
 * save and stop. A second signal ends the process at once.
 *
 * @returns the exit code
 */
export async function reportProgress(
  terminal: Terminal,
  flags: { readonly json?: boolean },
  start: (hooks: TrainHooks) => Promise<TrainOutcome>,
): Promise<number> {
  const { formatProgress } = await import("@codex/pipeline");
  const interruption = new AbortController();
  let received: "SIGINT" | "SIGTERM" | undefined;
  const onSignal = (signal: "SIGINT" | "SIGTERM"): void => {
    if (received !== undefined) process.exit(signal === "SIGINT" ? EXIT_CODES.sigint : EXIT_CODES.sigterm);
    received = signal;
    terminal.err.write(`\n${signal}: saving and stopping; a second one stops at once\n`);
    interruption.abort(signal);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    const outcome = await start({
      signal: interruption.signal,
      onEvent(event) {
        if (flags.json) {
          terminal.out.write(`${JSON.stringify(event)}\n`);
          return;
        }
        const line = lineOf(event, terminal, formatProgress);
        if (line !== undefined) terminal.err.write(`${line}\n`);
      },
    });
    terminal.out.write(flags.json ? `${JSON.stringify({ type: "outcome", ...outcome })}\n` : `${summary(outcome, terminal)}\n`);
    if (outcome.stopReason !== "signal") return EXIT_CODES.done;
    return received === "SIGINT" ? EXIT_CODES.sigint : EXIT_CODES.sigterm;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}
