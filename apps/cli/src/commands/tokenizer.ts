import type { Command } from "commander";
import type { CommandContext } from "../program.ts";
import { addTokenizerCountCommand } from "./tokenizer-count.ts";
import { addTokenizerFileCommands } from "./tokenizer-files.ts";
import { addTokenizerTextCommands } from "./tokenizer-texts.ts";
import { addTokenizerTrainCommand } from "./tokenizer-train.ts";

export function addTokenizerCommand(program: Command, context: CommandContext): void {
  const tokenizer = program
    .command("tokenizer")
    .description("Train tokenizers, look into them, compare and export them.");
  addTokenizerTrainCommand(tokenizer, context);
  addTokenizerCountCommand(tokenizer, context);
  addTokenizerTextCommands(tokenizer, context);
  addTokenizerFileCommands(tokenizer, context);
}
