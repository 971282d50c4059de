import { asArray, asFlag, asObject } from "../../json-reader.ts";
import { unsupported } from "../../tokenizer-json.ts";
import { checkDepth } from "../limits.ts";
import { readBertProcessing, readRobertaProcessing } from "./cls-sep.ts";
import type { PostProcessor } from "./post-processor.ts";
import { readTemplateProcessing } from "./template.ts";
import { trimOffsets } from "./trim-offsets.ts";

/** @throws {TokenizerError} `TOKENIZER_FILE_INVALID`, `TOKENIZER_UNSUPPORTED` */
export function readPostProcessor(value: unknown, path = "post_processor", depth = 0): PostProcessor | undefined {
  if (value === undefined || value === null) return undefined;
  checkDepth(depth, path);
  const where = `tokenizer.json: ${path}`;
  const options = asObject(value, where);
  switch (options.type) {
    case "Sequence": {
      const steps = asArray(options.processors, `${where}.processors`).map(
        (one, index) => readPostProcessor(asObject(one, where), `${path}.processors[${index}]`, depth + 1)!,
      );
      return {
        addedTokens: (isPair) => steps.reduce((total, step) => total + step.addedTokens(isPair), 0),
        process: (encodings, addSpecialTokens) =>
          steps.reduce((before, step) => step.process(before, addSpecialTokens), [...encodings]),
      };
    }
    case "ByteLevel": {
      const trims = asFlag(options.trim_offsets, `${where}.trim_offsets`, true);
      const addPrefixSpace = asFlag(options.add_prefix_space, `${where}.add_prefix_space`, true);
      return {
        addedTokens: () => 0,
        process: (encodings) => encodings.map((one) => (trims ? trimOffsets(one, addPrefixSpace) : one)),
      };
    }
    case "BertProcessing":
      return readBertProcessing(options, where);
    case "RobertaProcessing":
      return readRobertaProcessing(options, where);
    case "TemplateProcessing":
      return readTemplateProcessing(options, where);
    default:
      throw unsupported(`${path}.type`, "a post-processor of tokenizers 0.23", options.type);
  }
}
