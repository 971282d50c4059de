import { TokenizerError, type TokenizerErrorCode } from "../errors.ts";

type TemplateErrorCode = Extract<TokenizerErrorCode, `TOKENIZER_CHAT_${string}`>;

/** @param line - of the template, from 1 */
export function templateError(code: TemplateErrorCode, line: number, message: string): TokenizerError {
  return new TokenizerError(code, `chat template, line ${line}: ${message}`);
}

/** What the template does wrong while it runs; the interpreter adds the line. */
export class TemplateFault extends Error {
  override readonly name = "TemplateFault";
  readonly code: TemplateErrorCode;

  constructor(message: string, code: TemplateErrorCode = "TOKENIZER_CHAT_TEMPLATE_FAILED") {
    super(message);
    this.code = code;
  }
}
