/** What went wrong, for programs. The message says it to people. */
export type TokenizerErrorCode =
  | "TOKENIZER_OPTIONS_INVALID"
  | "TOKENIZER_VOCAB_TOO_SMALL" // byte-level: fewer ids than 256 bytes and the special tokens need
  | "TOKENIZER_CORPUS_EMPTY"
  | "TOKENIZER_COUNT_OVERFLOW" // a word, or all words together, occur more than 2^53 - 1 times
  | "TOKENIZER_TEXT_INVALID" // text with a lone surrogate, where the tokenizer cannot hold one
  | "TOKENIZER_UNKNOWN_CHARACTER" // a character outside the vocabulary, and no unk token
  | "TOKENIZER_UNKNOWN_ID"
  | "TOKENIZER_SPECIAL_TOKEN_UNKNOWN"
  | "TOKENIZER_SPECIAL_TOKEN_CONFLICT" // two tokens, or a token and a byte, under one name
  | "TOKENIZER_SPECIAL_TOKEN_IN_TEXT" // text that was not allowed to make a special token would make one
  | "TOKENIZER_PAD_TOKEN_MISSING"
  | "TOKENIZER_TEXT_TOO_LONG" // more tokens than `maxLength`, and truncation is off
  | "TOKENIZER_FILE_MISSING"
  | "TOKENIZER_FILE_INVALID" // not JSON, or not a tokenizer.json
  | "TOKENIZER_UNSUPPORTED" // a valid tokenizer.json that asks for what this code does not do
  | "TOKENIZER_MANIFEST_MISMATCH"
  | "TOKENIZER_SELF_TEST_FAILED" // a .model whose own samples are cut in another way
  | "TOKENIZER_EXPORT_IMPOSSIBLE" // a format that has no place for what the tokenizer does
  | "TOKENIZER_CHAT_TEMPLATE_MISSING"
  | "TOKENIZER_CHAT_TEMPLATE_INVALID" // not Jinja, or not of the subset
  | "TOKENIZER_CHAT_TEMPLATE_FAILED" // an error while it ran
  | "TOKENIZER_CHAT_TEMPLATE_LIMIT" // more steps or more output than allowed
  | "TOKENIZER_CHAT_REFUSED"; // the template itself raised an exception about the messages

/** The one error class of this package: branch on `code`, show `message`, then `help`. */
export class TokenizerError extends Error {
  override readonly name = "TokenizerError";
  readonly code: TokenizerErrorCode;
  /** What to do about it. */
  readonly help: string | undefined;

  constructor(code: TokenizerErrorCode, message: string, options: ErrorOptions & { help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}

export function unknownId(id: number, vocabSize: number): never {
  throw new TokenizerError("TOKENIZER_UNKNOWN_ID", `expected an id of the vocabulary, below ${vocabSize}, got ${id}`, {
    help: "Do the model and the tokenizer belong together? Compare their vocabulary sizes.",
  });
}
