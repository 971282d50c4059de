import { readForeignTokenizer, runSelfTest, type Tokenizer, TokenizerError } from "@codex/tokenization";
import { openTokenizer, type TokenizerReference } from "./open-tokenizer.ts";
import { documentTexts, type TextInputOptions } from "./text-input.ts";
import { reportFiles, type TokenizerFilesReport } from "./tokenizer-files.ts";

export interface ValidateTokenizerRequest extends TokenizerReference, TextInputOptions {
  /** Files, folders or globs whose documents go there and back too. */
  readonly data?: readonly string[];
  readonly signal?: AbortSignal;
}

export interface TokenizerCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

export interface TokenizerValidation extends TokenizerFilesReport {
  /** Whether all checks passed. */
  readonly ok: boolean;
  readonly checks: readonly TokenizerCheck[];
}

const TEXTS = [
  "The quick brown fox; it's 12,345.67 (really)!",
  "  two  spaces\tand tabs\r\n\r\nand lines \n",
  "caf\u00e9 cafe\u0301 \u00df \u0130 \ufb01",
  "\u4f60\u597d\uff0c\u4e16\u754c\u3002 \u3053\u3093\u306b\u3061\u306f \uc548\ub155 \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947",
  "\u{1f469}\u200d\u{1f4bb} \u{1f1e9}\u{1f1ea} \u0000\u007f\ufeff",
];

/**
 * Checks what can be checked without another implementation: ids and tokens, special tokens, the way there and back, and the samples that a
 * SentencePiece model brings along.
 *
 * @throws {TokenizerError} what loading throws; {DataError} what reading the data throws
 */
export async function validateTokenizer(request: ValidateTokenizerRequest): Promise<TokenizerValidation> {
  const tokenizer = await openTokenizer(request);
  const checks = [checkIds(tokenizer), checkSpecialTokens(tokenizer), await checkRoundTrips(tokenizer, request)];
  if (request.pattern === undefined) {
    const samples = (await readForeignTokenizer(request.path, undefined))?.samples ?? [];
    // One that fails has not come so far: the model is not loaded.
    if (samples.length > 0)
      checks.push(
        check(
          "self-test",
          runSelfTest(tokenizer, samples).map(({ input }) => input),
          `${samples.length} samples of the model`,
        ),
      );
  }
  const report = await reportFiles(request.path, tokenizer, request.directory);
  return { ok: checks.every(({ ok }) => ok), checks, ...report };
}

/** @param wrong - what is not as it should be */
function check(name: string, wrong: readonly string[], message: string): TokenizerCheck {
  if (wrong.length === 0) return { name, ok: true, message };
  return {
    name,
    ok: false,
    message: `${wrong.length} wrong: ${wrong
      .slice(0, 3)
      .map((one) => JSON.stringify(one.slice(0, 80)))
      .join(", ")}`,
  };
}

function checkIds(tokenizer: Tokenizer): TokenizerCheck {
  const wrong: string[] = [];
  let tokens = 0;
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const token = tokenizer.idToToken(id);
    if (token === undefined) continue;
    tokens++;
    if (tokenizer.tokenToId(token) !== id) wrong.push(token);
  }
  const holes = tokenizer.vocabSize - tokens;
  return check("ids", wrong, `${tokens} tokens${holes === 0 ? "" : `, ${holes} ids without one`}`);
}

/** Each is found where it is allowed, and stays text where it is not. */
function checkSpecialTokens(tokenizer: Tokenizer): TokenizerCheck {
  const { additional, ...roles } = tokenizer.specialTokens;
  const all = [...Object.values(roles), ...additional];
  const wrong = all.filter(({ token, id }) => {
    const found = tokenizer.encode(token, { addSpecialTokens: false, allowedSpecial: "all" });
    return found.length !== 1 || found[0] !== id || comesOutOfText(tokenizer, token, id);
  });
  return check(
    "special tokens",
    wrong.map(({ token }) => token),
    `${all.length} of them, none comes out of text that may not hold it`,
  );
}

function comesOutOfText(tokenizer: Tokenizer, token: string, id: number): boolean {
  if (id === tokenizer.specialTokens.unk?.id) return false; // what stands for unknown text comes out of it
  try {
    return tokenizer.encode(token, { addSpecialTokens: false }).includes(id);
  } catch (error) {
    if (error instanceof TokenizerError) return false; // refused, so that it did not come out
    throw error;
  }
}

/** Whether a tokenizer promises that text comes back: it works on bytes or characters, and changes nothing before. */
function keepsText(tokenizer: Tokenizer): boolean {
  if (tokenizer.kind === "byte" || tokenizer.kind === "char") return true;
  const { normalizer, decoder, pre_tokenizer: preTokenizer } = tokenizer.toJSON();
  const isByteLevel = (decoder as { type?: unknown } | null | undefined)?.type === "ByteLevel";
  return (
    isByteLevel &&
    (normalizer ?? null) === null &&
    !JSON.stringify(preTokenizer ?? null).includes('"add_prefix_space":true')
  );
}

/** Text that a tokenizer promises to give back comes back as it was. Of others it is counted. */
async function checkRoundTrips(
  tokenizer: Tokenizer,
  { data, directory, signal }: ValidateTokenizerRequest,
): Promise<TokenizerCheck> {
  const wrong: string[] = [];
  const counts = { texts: 0, same: 0, refused: 0 };
  const look = (text: string): void => {
    counts.texts++;
    const once = thereAndBack(tokenizer, text);
    if (once === undefined) counts.refused++;
    else if (once === text) counts.same++;
    else if (keepsText(tokenizer)) wrong.push(text);
  };
  for (const text of TEXTS) look(text);
  if (data !== undefined) for await (const text of documentTexts(data, { directory, signal })) look(text);
  const refused = counts.refused === 0 ? "" : `, ${counts.refused} hold what it has no token for`;
  return check("round trips", wrong, `${counts.same} of ${counts.texts} texts come back as they were${refused}`);
}

function thereAndBack(tokenizer: Tokenizer, text: string): string | undefined {
  try {
    return tokenizer.decode(tokenizer.encode(text, { addSpecialTokens: false }));
  } catch (error) {
    if (error instanceof TokenizerError) return undefined;
    throw error;
  }
}
