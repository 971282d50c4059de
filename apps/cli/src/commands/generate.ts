import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { withSignals } from "../signals.ts";
import { warningsTo } from "../terminal.ts";
import {
  decimal,
  deviceOption,
  type SharedOptions,
  UsageError,
  wholeNumber,
  withSharedOptions,
} from "./shared-options.ts";

interface GenerateFlags extends SharedOptions {
  readonly checkpoint: string;
  readonly prompt?: string;
  readonly promptFile?: string;
  readonly maxNewTokens: number;
  readonly temperature: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly repetitionPenalty?: number;
  readonly seed: number;
  readonly device: string;
}

export function addGenerateCommand(program: Command, context: CommandContext): void {
  withSharedOptions(program.command("generate"))
    .alias("infer")
    .description("Complete a prompt with a trained model; the text appears as it is made.")
    .requiredOption("--checkpoint <dir>", "a run, a checkpoint, or any Hugging Face model folder")
    .option("--prompt <text>", "the text to go on from")
    .option("--prompt-file <file>", "read the prompt from a file")
    .option("--max-new-tokens <n>", "stop after this many tokens", wholeNumber("--max-new-tokens", 1), 128)
    .option("--temperature <t>", "0 takes the likeliest token each time", decimal("--temperature", 0), 0.8)
    .option("--top-k <k>", "draw among the k likeliest tokens", wholeNumber("--top-k", 1))
    .option("--top-p <p>", "draw among the likeliest tokens that hold this share", decimal("--top-p", 0, 1))
    .option("--repetition-penalty <r>", "above 1 makes repeated tokens less likely", decimal("--repetition-penalty", 0))
    .option("--seed <n>", "seed of the draws", wholeNumber("--seed"), 42)
    .addOption(deviceOption())
    .addHelpText(
      "after",
      `
Examples:
  $ codex generate --checkpoint runs/<run-id> --prompt "interface Array<T> {"
  $ codex generate --checkpoint ./gpt2 --prompt "Once upon a time" --temperature 0.7 --top-k 40 --seed 1`,
    )
    .action(async (flags: GenerateFlags) => {
      if ((flags.prompt === undefined) === (flags.promptFile === undefined))
        throw new UsageError("give one of --prompt and --prompt-file");
      const { generate, PipelineError } = await import("@codex/pipeline");
      const { promptFile = "" } = flags;
      const prompt =
        flags.prompt ??
        (await readFile(promptFile, "utf8").catch((cause: Error) => {
          const message = `${promptFile}: expected a file with a prompt, it cannot be read: ${cause.message}`;
          throw new PipelineError("PIPELINE_FILE_NOT_FOUND", message, { cause });
        }));
      const { out } = context.terminal;
      context.exitCode = await withSignals(context.terminal, "stopping", async (signal) => {
        const { checkpoint, json, debug, promptFile: _file, prompt: _prompt, ...sampling } = flags;
        const result = await generate({
          ...sampling,
          checkpoint,
          prompt,
          signal,
          onNotice: warningsTo(context.terminal),
          ...(json ? {} : { onStart: () => void out.write(prompt), onText: (text: string) => void out.write(text) }),
        });
        out.write(json ? `${JSON.stringify(result)}\n` : "\n");
        return result.finishReason === "aborted";
      });
    });
}
