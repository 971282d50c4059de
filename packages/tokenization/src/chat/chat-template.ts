import { TokenizerError } from "../errors.ts";
import type { Statement } from "./ast.ts";
import { Budget, type ChatTemplateLimits } from "./budget.ts";
import { createGlobals } from "./globals.ts";
import { Interpreter } from "./interpreter.ts";
import { parseTemplate } from "./parser.ts";
import { fromPlainData } from "./plain-data.ts";
import { Scope } from "./scope.ts";
import { TemplateFault, templateError } from "./template-error.ts";
import type { Value } from "./values.ts";

/** What a chat template is given. Everything in it is plain data, as JSON has it. */
export interface ChatTemplateInput {
  readonly messages: readonly object[];
  /** JSON schemas of functions. */
  readonly tools?: readonly object[] | undefined;
  readonly documents?: readonly object[] | undefined;
  /** Ends the text with what makes the model answer. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** Texts of special tokens under the names that templates use: `bos_token`, `eos_token`, ... */
  readonly specialTokens?: Readonly<Record<string, string>>;
  /** Whatever else the template asks for, by name: `enable_thinking`, `date_string`, ... */
  readonly variables?: Readonly<Record<string, unknown>>;
  /** `strftime_now(format)` of the template. Without it the template finds no such function. */
  readonly strftimeNow?: (format: string) => string;
  readonly limits?: ChatTemplateLimits;
}

export interface RenderedChat {
  readonly text: string;
  /** Where the `{% generation %}` blocks stand in `text`, in UTF-16 units: [start, end). */
  readonly generated: readonly (readonly [number, number])[];
}

/**
 * A chat template: the subset of Jinja that published ones use, with the results of jinja2 as transformers sets it up. It reads plain data,
 * has no access to objects of the host, and is bounded in steps and output.
 */
export class ChatTemplate {
  readonly source: string;
  readonly #body: readonly Statement[];

  /** @throws {TokenizerError} `TOKENIZER_CHAT_TEMPLATE_INVALID`, with the line */
  constructor(source: string) {
    this.source = source;
    this.#body = parseTemplate(source);
  }

  /**
   * @throws {TokenizerError} `TOKENIZER_CHAT_REFUSED` where the template raises an exception about the messages;
   * `TOKENIZER_CHAT_TEMPLATE_FAILED` for what it does wrong; `TOKENIZER_CHAT_TEMPLATE_LIMIT`; each with the line.
   * `TOKENIZER_OPTIONS_INVALID` for input that is not plain data
   */
  render(input: ChatTemplateInput): RenderedChat {
    const budget = new Budget(input.limits ?? {});
    const globals = new Scope(undefined, createGlobals(budget, input));
    const scope = new Scope(new Scope(globals, variablesOf(input)));
    const interpreter = new Interpreter(budget);
    try {
      return { text: interpreter.render(this.#body, scope), generated: interpreter.generated };
    } catch (error) {
      const { line } = interpreter.evaluator;
      if (error instanceof TemplateFault) throw templateError(error.code, line, error.message);
      // What recursed too deep for the stack, which the limits leave little room for.
      if ((error as Error).name === "RangeError")
        throw templateError("TOKENIZER_CHAT_TEMPLATE_LIMIT", line, (error as Error).message);
      throw error;
    }
  }
}

function variablesOf({
  messages,
  tools,
  documents,
  addGenerationPrompt = false,
  specialTokens,
  variables,
}: ChatTemplateInput): Map<string, Value> {
  const all: Record<string, unknown> = {
    ...specialTokens,
    ...variables,
    messages,
    tools: tools ?? null,
    documents: documents ?? null,
    add_generation_prompt: addGenerationPrompt,
  };
  try {
    return new Map(
      Object.entries(all)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, fromPlainData(value, name)]),
    );
  } catch (error) {
    if (!(error instanceof TemplateFault)) throw error;
    throw new TokenizerError("TOKENIZER_OPTIONS_INVALID", error.message, { cause: error });
  }
}

/**
 * The text that a model is given for a chat.
 *
 * @param template - Jinja, as in `chat_template` of `tokenizer_config.json` or in `chat_template.jinja`; `loadChatTemplate` reads those
 * @throws {TokenizerError} what `new ChatTemplate` and its `render` throw
 */
export function applyChatTemplate(template: string | ChatTemplate, input: ChatTemplateInput): string {
  return (typeof template === "string" ? new ChatTemplate(template) : template).render(input).text;
}
