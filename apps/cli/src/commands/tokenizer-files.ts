import type { TokenizerFilesReport } from "@codex/pipeline";
import { type Command, Option } from "commander";
import { EXIT_CODES } from "../exit-codes.ts";
import type { CommandContext } from "../program.ts";
import { withSignals } from "../signals.ts";
import { paintResult, table } from "../terminal.ts";
import { type TextFileFlags, textFileFlags, withTextFileOptions } from "./corpus-options.ts";
import { reference, TOKENIZER_ARGUMENT, type TokenizerFlags, withTokenizerOptions } from "./tokenizer-options.ts";

interface ExportFlags extends TokenizerFlags {
  readonly format: "tokenizer.json" | "sentencepiece" | "tiktoken";
  readonly output: string;
  readonly dryRun?: boolean;
}

interface DataFlags extends TokenizerFlags, TextFileFlags {
  readonly data: string[];
}

/** `export`, `validate`, `stats` and `compare`: whole tokenizers, and what they make of a corpus. */
export function addTokenizerFileCommands(tokenizer: Command, context: CommandContext): void {
  const { terminal } = context;
  const write = (flags: TokenizerFlags, result: unknown, text: () => string): void => {
    terminal.out.write(`${flags.json ? JSON.stringify(result) : text()}\n`);
  };

  withTokenizerOptions(tokenizer.command("export"))
    .description("Write a tokenizer in another format, where the format has a place for all that it does.")
    .argument("<path>", TOKENIZER_ARGUMENT)
    .addOption(
      new Option("--format <name>", "what to write")
        .choices(["tokenizer.json", "sentencepiece", "tiktoken"])
        .default("tokenizer.json"),
    )
    .requiredOption("--output <dir>", "the folder to write")
    .option("--dry-run", "say what would be written, and write nothing")
    .addHelpText("after", "\nExample:\n  $ codex tokenizer export llama/tokenizer.model --output llama-hf")
    .action(async (path: string, flags: ExportFlags) => {
      const { exportTokenizer } = await import("@codex/pipeline");
      const { format, output, dryRun = false } = flags;
      const result = await exportTokenizer({ ...reference(path, flags), format, output, dryRun });
      const files = result.files.map(({ name, bytes }) => `${name} (${bytes} bytes)`).join(", ");
      write(flags, result, () => `${result.written ? "written to" : "would write to"} ${result.directory}: ${files}`);
    });

  withTextFileOptions(withTokenizerOptions(tokenizer.command("validate")))
    .description("Check ids, special tokens, round trips, and the samples that a SentencePiece model brings along.")
    .argument("<path>", TOKENIZER_ARGUMENT)
    .option("--data <path...>", "files, folders or globs whose documents go there and back too")
    .addHelpText("after", "\nExample:\n  $ codex tokenizer validate runs/<run-id>/tokenizer --data corpus")
    .action(async (path: string, flags: Partial<DataFlags> & TokenizerFlags) => {
      const { validateTokenizer } = await import("@codex/pipeline");
      const data = flags.data === undefined ? {} : { data: flags.data, ...textFileFlags(flags) };
      let isValid = true;
      const stopped = await withSignals(terminal, "stopping", async (signal) => {
        const result = await validateTokenizer({ ...reference(path, flags), ...data, signal });
        isValid = result.ok;
        write(flags, result, () =>
          table([
            ...result.checks.map(({ name, ok, message }) => [
              paintResult(terminal, ok ? 32 : 31, ok ? "ok" : "FAILED"),
              name,
              message,
            ]),
            ...fileRows(result),
          ]),
        );
        return false;
      });
      context.exitCode = stopped === EXIT_CODES.done && !isValid ? EXIT_CODES.data : stopped;
    });

  withTextFileOptions(withTokenizerOptions(tokenizer.command("stats")))
    .description("Say what a tokenizer makes of a corpus: bytes per token, unknown tokens, lengths of documents.")
    .argument("<path>", TOKENIZER_ARGUMENT)
    .requiredOption("--data <path...>", "files, folders or globs")
    .addHelpText("after", `\nExample:\n  $ codex tokenizer stats runs/<run-id>/tokenizer --data "docs/**/*.md"`)
    .action(async (path: string, flags: DataFlags) => {
      const { tokenizerStatistics } = await import("@codex/pipeline");
      context.exitCode = await withSignals(terminal, "stopping", async (signal) => {
        const result = await tokenizerStatistics({
          ...reference(path, flags),
          ...textFileFlags(flags),
          data: flags.data,
          signal,
        });
        const { min, median, p90, p99, max } = result.documentTokens;
        write(flags, result, () =>
          table([
            ["documents", String(result.documents)],
            ["bytes", String(result.bytes)],
            ["tokens", String(result.tokens)],
            ["bytes per token", result.bytesPerToken.toFixed(4)],
            ["unknown tokens", String(result.unknownTokens)],
            ["ids in use", `${result.usedIds} of ${result.vocabSize}`],
            ["tokens per document", `min ${min}, median ${median}, p90 ${p90}, p99 ${p99}, max ${max}`],
          ]),
        );
        return false;
      });
    });

  withTextFileOptions(withTokenizerOptions(tokenizer.command("compare")))
    .description("Compare two tokenizers over a corpus: bytes per token, unknown tokens and speed.")
    .argument("<a>", TOKENIZER_ARGUMENT)
    .argument("<b>", "another one")
    .requiredOption("--data <path...>", "files, folders or globs")
    .addHelpText("after", `\nExample:\n  $ codex tokenizer compare bpe-8k bpe-32k --data "docs/**/*.md"`)
    .action(async (a: string, b: string, flags: DataFlags) => {
      const { compareTokenizers } = await import("@codex/pipeline");
      context.exitCode = await withSignals(terminal, "stopping", async (signal) => {
        const tokenizers = [reference(a, flags), reference(b, flags)] as const;
        const result = await compareTokenizers({ tokenizers, ...textFileFlags(flags), data: flags.data, signal });
        write(flags, result, () =>
          table([
            ["tokenizer", "kind", "vocab_size", "tokens", "bytes per token", "unknown tokens", "MB/s"],
            ...result.map((one) => [
              one.path,
              one.kind,
              String(one.vocabSize),
              String(one.tokens),
              one.bytesPerToken.toFixed(4),
              String(one.unknownTokens),
              one.megabytesPerSecond.toFixed(2),
            ]),
          ]),
        );
        return false;
      });
    });
}

/** The files of a tokenizer, what is missing among them, and what its manifest says. */
function fileRows({ files, missingFiles, manifest }: TokenizerFilesReport): string[][] {
  const rows = [["", "files", [...files, ...missingFiles.map((name) => `${name} is missing`)].join(", ")]];
  if (manifest === null) return [...rows, ["", "manifest", "none"]];
  const { trainer, corpusFiles, missingCorpusFiles } = manifest;
  const missing = missingCorpusFiles.length === 0 ? "" : `, ${missingCorpusFiles.length} of them not found from here`;
  return [...rows, ["", "manifest", `trained by ${trainer} on ${corpusFiles} files${missing}`]];
}
