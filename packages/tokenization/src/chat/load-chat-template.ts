import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { TokenizerError } from "../errors.ts";
import { asArray, asObject, asString, isObject, type JsonObject } from "../json-reader.ts";
import { readJson } from "../tokenizer-files.ts";
import { ChatTemplate, type ChatTemplateInput, type RenderedChat } from "./chat-template.ts";

/** The chat templates of a model, and the special tokens that they ask for. */
export class ChatTemplates {
  readonly #sources: ReadonlyMap<string, string>;
  readonly #parsed = new Map<string, ChatTemplate>();
  /** Texts of special tokens by the names of templates: `bos_token`, `eos_token`, ... */
  readonly specialTokens: Readonly<Record<string, string>>;

  constructor(sources: ReadonlyMap<string, string>, specialTokens: Readonly<Record<string, string>>) {
    this.#sources = sources;
    this.specialTokens = specialTokens;
  }

  /** `default`, and others where a model has several. */
  get names(): readonly string[] {
    return [...this.#sources.keys()];
  }

  /**
   * A template by its name. Without one: `tool_use` if there are tools and the model has it, else `default`, as in transformers.
   * @throws {TokenizerError} `TOKENIZER_CHAT_TEMPLATE_MISSING`, `TOKENIZER_CHAT_TEMPLATE_INVALID`
   */
  get(name?: string, { tools = false } = {}): ChatTemplate {
    const wanted = name ?? (tools && this.#sources.has("tool_use") ? "tool_use" : "default");
    const source = this.#sources.get(wanted);
    if (source === undefined) {
      throw new TokenizerError(
        "TOKENIZER_CHAT_TEMPLATE_MISSING",
        `chat template: expected ${this.names.join(" or ")}, got ${JSON.stringify(wanted)}`,
      );
    }
    const template = this.#parsed.get(wanted) ?? new ChatTemplate(source);
    this.#parsed.set(wanted, template);
    return template;
  }

  /** Renders a chat with the model's own special tokens. @throws {TokenizerError} what `get` and `ChatTemplate.render` throw */
  render({ template, ...input }: ChatTemplateInput & { readonly template?: string }): RenderedChat {
    const specialTokens = { ...this.specialTokens, ...input.specialTokens };
    return this.get(template, { tools: input.tools !== undefined }).render({ ...input, specialTokens });
  }
}

/**
 * The chat templates of the contents of a `tokenizer_config.json`: one text, or a list of `{ name, template }`.
 * @throws {TokenizerError} `TOKENIZER_CHAT_TEMPLATE_MISSING`, `TOKENIZER_FILE_INVALID`
 */
export function readChatTemplates(config: unknown): ChatTemplates {
  const object = asObject(config, CONFIG);
  return createTemplates(sourcesOf(object), object, CONFIG);
}

/**
 * The chat templates of a model directory: `chat_template.jinja`, `additional_chat_templates/*.jinja`, and those of `tokenizer_config.json`
 * under names that the files do not have.
 *
 * @throws {TokenizerError} `TOKENIZER_CHAT_TEMPLATE_MISSING`, `TOKENIZER_FILE_INVALID`
 */
export async function loadChatTemplates(directory: string): Promise<ChatTemplates> {
  const config = asObject((await readJson(join(directory, CONFIG))) ?? {}, join(directory, CONFIG));
  const sources = sourcesOf(config);
  const more = join(directory, "additional_chat_templates");
  for (const file of await readdir(more).catch(() => [])) {
    if (file.endsWith(".jinja")) sources.set(file.slice(0, -".jinja".length), await readFile(join(more, file), "utf8"));
  }
  const main = await readFile(join(directory, "chat_template.jinja"), "utf8").catch(() => undefined);
  if (main !== undefined) sources.set("default", main);
  return createTemplates(sources, config, directory);
}

const CONFIG = "tokenizer_config.json";

function sourcesOf({ chat_template: value }: JsonObject): Map<string, string> {
  const where = `${CONFIG}: chat_template`;
  if (value === undefined || value === null) return new Map();
  if (typeof value === "string") return new Map([["default", value]]);
  return new Map(
    asArray(value, where).map((entry, index) => {
      const { name, template } = asObject(entry, `${where}[${index}]`);
      return [asString(name, `${where}[${index}].name`), asString(template, `${where}[${index}].template`)];
    }),
  );
}

function createTemplates(sources: Map<string, string>, config: JsonObject, where: string): ChatTemplates {
  if (sources.size === 0) {
    throw new TokenizerError("TOKENIZER_CHAT_TEMPLATE_MISSING", `${where}: expected a chat template, found none`, {
      help: "Models that were not trained on chats have none: write one, and give it to applyChatTemplate.",
    });
  }
  const tokens = Object.entries(config).flatMap(([name, value]) => {
    const text = isObject(value) ? value.content : value;
    return name.endsWith("_token") && typeof text === "string" ? [[name, text] as const] : [];
  });
  return new ChatTemplates(sources, Object.fromEntries(tokens));
}
