import type { PipelineEvent, TrainHooks, TrainOutcome } from "@codex/pipeline";
import { withSignals } from "./signals.ts";
import { paint, shown, type Terminal } from "./terminal.ts";
import { trackerLines } from "./tracker-lines.ts";

type FormatProgress = typeof import("@codex/pipeline").formatProgress;

/** One event as a line for a person; `undefined` for what only programs want to know. */
function lineOf(event: PipelineEvent, terminal: Terminal, formatProgress: FormatProgress): string | undefined {
  switch (event.type) {
    case "run":
      return paint(terminal, 1, `run ${event.runId}`);
    case "stage":
      return `${paint(terminal, 36, event.stage.padEnd(9))} ${shown(event.message)}`;
    case "trackers":
      return trackerLines(event.trackers)
        .map((line) => `${paint(terminal, 36, "tracker".padEnd(9))} ${shown(line)}`)
        .join("\n");
    case "notice":
    case "warning":
      return paint(terminal, 33, `warning: ${shown(event.message)}`);
    case "start":
      return event.resumed ? `going on from step ${event.step} of ${event.maxSteps}` : undefined;
    case "progress":
      return formatProgress(event);
    case "evaluation": {
      const bits = event.bitsPerByte === undefined ? "" : `  ${event.bitsPerByte.toFixed(4)} bits per byte`;
      return paint(
        terminal,
        32,
        `step ${event.step}  validation loss ${event.lossNats.toFixed(4)}${bits}${event.best ? "  (best)" : ""}`,
      );
    }
    case "sample":
      return `${paint(terminal, 2, `sample at step ${event.step}:`)}\n${event.text}`;
    case "checkpoint":
      return `saved ${shown(event.path)}`;
    case "stop":
      return event.reason === "earlyStopping" ? "stopped early: the held-out loss no longer falls" : undefined;
    default:
      return undefined;
  }
}

/** What came out of a run, where it is, and what to type next. */
function summary(outcome: TrainOutcome, terminal: Terminal): string {
  const run = shown(outcome.runDirectory);
  const { checkpoint } = outcome;
  if (checkpoint === undefined) return `\nstopped before the first step; ${run} holds no checkpoint`;
  const lines: string[] = [""];
  if (outcome.completion) lines.push(paint(terminal, 1, "completion"), outcome.completion, "");
  if (outcome.bitsPerByte.length > 0) {
    lines.push(paint(terminal, 1, "held-out bits per byte (lower is better)"));
    for (const { name, bitsPerByte } of outcome.bitsPerByte)
      lines.push(`  ${name.padEnd(14)} ${bitsPerByte.toFixed(4)}`);
    lines.push("");
  }
  // Whoever came through npm has the command in node_modules/.bin, which is not on the shell's path.
  const codex = terminal.env["npm_execpath"] === undefined ? "codex" : "npx codex";
  const more = outcome.stopReason === "signal" ? "" : ` --allow-drift training.maxSteps=${outcome.step * 2}`;
  lines.push(
    paint(
      terminal,
      1,
      outcome.stopReason === "signal" ? `stopped at step ${outcome.step}; everything is saved` : "saved",
    ),
    `  ${run}   configuration, manifest, metrics, tokenizer, checkpoints`,
    `  ${shown(checkpoint)}   a Hugging Face model folder`,
    "",
    paint(terminal, 1, "next"),
    `  ${codex} resume ${quoted(run)}${more}`,
    `  ${codex} generate --checkpoint ${quoted(run)} --prompt ${quoted(outcome.prompt ?? "Hello")}`,
    `  ${codex} evaluate --checkpoint ${quoted(run)}`,
    `  from code: import { generate } from "@codex/pipeline"; await generate({ checkpoint: ${JSON.stringify(run)}, prompt: "..." })`,
  );
  return lines.join("\n");
}

/** One word for a shell. */
function quoted(text: string): string {
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
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
  return withSignals(terminal, "saving and stopping", async (signal) => {
    const outcome = await start({
      signal,
      onEvent(event) {
        if (flags.json) {
          terminal.out.write(`${JSON.stringify(event)}\n`);
          return;
        }
        const line = lineOf(event, terminal, formatProgress);
        if (line !== undefined) terminal.err.write(`${line}\n`);
      },
    });
    terminal.out.write(
      flags.json ? `${JSON.stringify({ type: "outcome", ...outcome })}\n` : `${summary(outcome, terminal)}\n`,
    );
    return outcome.stopReason === "signal";
  });
}
