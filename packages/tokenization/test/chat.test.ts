/** Against jinja2 as transformers sets it up: golden/chat.json, made by tools/parity/tokenization/make_chat_fixtures.py. */

import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  applyChatTemplate,
  ChatTemplate,
  type ChatTemplateInput,
  loadChatTemplates,
  readChatTemplates,
} from "@codex/tokenization";
import { golden } from "./golden.ts";

interface Outcome {
  text?: string;
  fails?: "syntax" | "run" | "refused";
  python?: string;
}

const fixture = golden<{
  time: string;
  inputs: Record<
    string,
    { messages: object[]; tools?: object[]; add_generation_prompt?: boolean; variables?: Record<string, unknown> }
  >;
  chats: (Outcome & { template: string; chat: string; generated?: string[] })[];
  context: Record<string, unknown>;
  snippets: (Outcome & { template: string })[];
}>("chat.json");

const CODES = {
  syntax: "TOKENIZER_CHAT_TEMPLATE_INVALID",
  run: "TOKENIZER_CHAT_TEMPLATE_FAILED",
  refused: "TOKENIZER_CHAT_REFUSED",
};
const strftimeNow = () => fixture.time;
const specialTokens = { bos_token: "<s>", eos_token: "</s>" };
const template = (name: string) => readFileSync(new URL(`./golden/chat/${name}`, import.meta.url), "utf8");

function expectOutcome(run: () => unknown, { text, fails }: Outcome): void {
  if (fails === undefined) {
    expect(run()).toBe(text);
  } else {
    const message = expect.stringMatching(/^chat template, line \d+: /);
    expect(run).toThrow(expect.objectContaining({ name: "TokenizerError", code: CODES[fails], message }));
  }
}

test.each(fixture.chats)("$template with the chat $chat", ({ template: name, chat, generated, ...outcome }) => {
  const { messages, tools, add_generation_prompt: addGenerationPrompt = false, variables } = fixture.inputs[chat]!;
  const input: ChatTemplateInput = {
    messages,
    tools,
    addGenerationPrompt,
    specialTokens,
    strftimeNow,
    ...(variables === undefined ? {} : { variables }),
  };
  expectOutcome(() => applyChatTemplate(template(name), input), outcome);
  if (generated !== undefined) {
    const rendered = new ChatTemplate(template(name)).render(input);
    expect(rendered.generated.map(([start, end]) => rendered.text.slice(start, end))).toEqual(generated);
  }
});

test.each(fixture.snippets)("$template", ({ template: source, ...outcome }) => {
  expectOutcome(() => applyChatTemplate(source, { messages: [], variables: fixture.context, strftimeNow }), outcome);
});

const render = (source: string, variables: Record<string, unknown> = {}, limits = {}) =>
  applyChatTemplate(source, { messages: [], variables, limits });

describe("errors", () => {
  test.each([
    ["a\nb\n{% if %}", "TOKENIZER_CHAT_TEMPLATE_INVALID", 3],
    ["a\n{{ 'x\ny' }}\n{{ missing.x }}", "TOKENIZER_CHAT_TEMPLATE_FAILED", 4],
    ["{#\n\n#}\n{{ raise_exception('no') }}", "TOKENIZER_CHAT_REFUSED", 4],
    ["{% raw %}\n{% endraw %}\n\n{{ 1 / 0 }}", "TOKENIZER_CHAT_TEMPLATE_FAILED", 4],
    ["\n{%- if true %}\n\n  {%- endif %}\n{{ x.y }}", "TOKENIZER_CHAT_TEMPLATE_FAILED", 5],
  ])("%j names its line", (source, code, line) => {
    expect(() => render(source)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(`^chat template, line ${line}: `) }),
    );
  });

  test("what is not plain data is refused by its place", () => {
    for (const [value, place] of [
      [new Date(0), "x[0].when"],
      [() => 1, "x[0].when"],
      [10n, "x[0].when"],
    ] as const) {
      expect(() => render("{{ x }}", { x: [{ when: value }] })).toThrow(
        expect.objectContaining({ code: "TOKENIZER_OPTIONS_INVALID", message: expect.stringContaining(place) }),
      );
    }
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => render("", { loop })).toThrow(expect.objectContaining({ code: "TOKENIZER_OPTIONS_INVALID" }));
  });

  test("strftime_now is there only where it is given", () => {
    expect(render("{{ strftime_now is defined }}")).toBe("False");
    expect(() => render("{{ strftime_now('%d') }}")).toThrow(
      expect.objectContaining({ message: expect.stringContaining("strftime_now is undefined") }),
    );
  });
});

describe("nothing of the host can be reached", () => {
  test.each(["constructor", "__proto__", "prototype", "toString", "hasOwnProperty", "call"])("%s", (name) => {
    for (const value of ["{}", "[]", "'x'", "1", "x", "range", "namespace()", "loop_of", "raise_exception"]) {
      const source = `{% for i in [1] %}{% set loop_of = loop %}{{ ${value}.${name} is defined }}{{ ${value}['${name}'] is defined }}{% endfor %}`;
      expect(render(source, { x: { a: [1] } })).toBe("FalseFalse");
    }
    expect(render(`{{ ${name} is defined }}`)).toBe("False");
    expect(() => render(`{{ 1 | ${name} }}`)).toThrow(expect.objectContaining({ name: "TokenizerError" }));
    expect(() => render(`{{ 1 is ${name} }}`)).toThrow(expect.objectContaining({ name: "TokenizerError" }));
  });

  test("own keys of those names are data", () => {
    expect(
      render("{{ x.constructor }} {{ x['__proto__'] }}", { x: JSON.parse('{"constructor":"c","__proto__":"p"}') }),
    ).toBe("c p");
    expect(({} as { p?: string }).p).toBeUndefined();
  });

  test("what goes in is not changed", () => {
    const messages = [{ role: "user", content: "x" }];
    applyChatTemplate("{% set messages = messages + [1] %}{% for m in messages %}{% set m = 1 %}{% endfor %}", {
      messages,
    });
    expect(messages).toEqual([{ role: "user", content: "x" }]);
  });
});

describe("limits", () => {
  const LIMIT = expect.objectContaining({ code: "TOKENIZER_CHAT_TEMPLATE_LIMIT" });

  test.each([
    ["loops", "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"],
    ["doubled text", "{% set ns = namespace(t='x') %}{% for i in range(99) %}{% set ns.t = ns.t ~ ns.t %}{% endfor %}"],
    ["repeated text", "{{ 'x' * 9999999999 }}"],
    ["a repeated list", "{{ [1] * 9999999999 }}"],
    ["replaced text", "{% set t = 'x' * 100000 %}{{ t | replace('x', t) }}"],
    ["joined text", "{% set t = 'x' * 100000 %}{{ t.join(t | list) }}"],
    ["indented text", "{{ ('x\n' * 9999) | indent(999999) }}"],
    [
      "doubled lists",
      "{% set ns = namespace(t=[1]) %}{% for i in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
    ],
    [
      "lists of lists as text",
      "{% set ns = namespace(t=[1]) %}{% for i in range(60) %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.t }}",
    ],
    [
      "lists of lists as JSON",
      "{% set ns = namespace(t=[1]) %}{% for i in range(60) %}{% set ns.t = [ns.t, ns.t] %}{% endfor %}{{ ns.t | tojson }}",
    ],
    [
      "lists of lists compared",
      "{% set ns = namespace(t=[1], u=[1]) %}{% for i in range(60) %}{% set ns.t = [ns.t, ns.t] %}{% set ns.u = [ns.u, ns.u] %}{% endfor %}{{ ns.t == ns.u }}",
    ],
    [
      "deep lists",
      "{% set ns = namespace(t=[1]) %}{% for i in range(9999) %}{% set ns.t = [ns.t] %}{% endfor %}{{ ns.t }}",
    ],
    ["macros without end", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"],
    [
      "macros that double",
      "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    ],
    ["characters of a long text", "{% set t = 'x' * 9999999 %}{% for i in range(99999) %}{{ t[i] }}{% endfor %}"],
    ["long texts compared", "{% set t = 'x' * 9999999 %}{% for i in range(99999) %}{{ t == t ~ '' }}{% endfor %}"],
    ["unique", "{{ range(90000) | unique | length }}"],
  ])("%s", (_, source) => {
    expect(() => render(source)).toThrow(LIMIT);
  });

  test("can be set", () => {
    expect(render("{{ 'x' * 10 }}", {}, { maxOutput: 10 })).toBe("xxxxxxxxxx");
    expect(() => render("{{ 'x' * 11 }}", {}, { maxOutput: 10 })).toThrow(LIMIT);
    expect(() => render("{% for i in range(9) %}xx{% endfor %}", {}, { maxOutput: 10 })).toThrow(LIMIT);
    expect(() => render("{% for i in range(9) %}{% endfor %}", {}, { maxSteps: 10 })).toThrow(LIMIT);
  });

  test.each([
    ["brackets", `{{ ${"(".repeat(50_000)} }}`],
    ["lists", `{{ ${"[".repeat(50_000)} }}`],
    ["minuses", `{{ ${"-".repeat(50_000)}1 }}`],
    ["nots", `{{ ${"not ".repeat(50_000)}1 }}`],
    ["ifs", "{% if 1 %}".repeat(50_000)],
    ["tags without end", "{{".repeat(50_000)],
    ["comments without end", "{#".repeat(50_000)],
    ["raw blocks without end", "{% raw %}".repeat(50_000)],
    ["attributes", `{{ x${".y".repeat(50_000)} }}`],
    ["filters", `{{ x${"|trim".repeat(50_000)} }}`],
    ["sums", `{{ 1${"+1".repeat(50_000)} }}`],
    ["conditions", `{{ 1${" if 1 else 1".repeat(50_000)} }}`],
  ])("a template of nothing but %s is an error or text", (_, source) => {
    try {
      expect(typeof render(source)).toBe("string");
    } catch (error) {
      expect(error).toMatchObject({ name: "TokenizerError", code: expect.stringMatching(/^TOKENIZER_CHAT_/) });
    }
  });

  test("garbage made of tokens is an error or text", () => {
    const words = [
      "{{",
      "}}",
      "{%",
      "%}",
      "{#",
      "#}",
      "-",
      "if ",
      "for ",
      "in ",
      "endif",
      "endfor",
      "x",
      "1",
      "'a'",
      "|",
      "trim",
      "(",
      ")",
      "[",
      "]",
      ".",
      ",",
      "=",
      "~",
      " ",
      "\n",
      "set ",
      "is ",
      "not ",
      "defined",
      "{",
      "}",
      ":",
    ];
    let seed = 7;
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    let texts = 0;
    for (let i = 0; i < 5000; i++) {
      const source = Array.from({ length: 1 + next(12) }, () => words[next(words.length)]).join("");
      try {
        render(i % 2 === 0 ? source : `{{ ${source} }}`, { x: [1, { a: "b" }] });
        texts++;
      } catch (error) {
        expect(error).toMatchObject({ name: "TokenizerError", code: expect.stringMatching(/^TOKENIZER_CHAT_/) });
      }
    }
    expect(texts).toBeGreaterThan(100);
  });
});

describe("where models keep their templates", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "chat-"));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const messages = [{ role: "user", content: "hi" }];

  test("tokenizer_config.json, with its special tokens", () => {
    const templates = readChatTemplates({
      chat_template: "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}",
      bos_token: "<s>",
      eos_token: { content: "</s>", lstrip: false },
    });
    expect(templates.names).toEqual(["default"]);
    expect(templates.render({ messages }).text).toBe("<s>hi</s>");
    expect(templates.render({ messages, specialTokens: { bos_token: "!" } }).text).toBe("!hi</s>");
  });

  test("several templates: tool_use where there are tools", () => {
    const templates = readChatTemplates({
      chat_template: [
        { name: "default", template: "d" },
        { name: "tool_use", template: "t{{ tools | length }}" },
      ],
    });
    expect(templates.render({ messages }).text).toBe("d");
    expect(templates.render({ messages, tools: [{}] }).text).toBe("t1");
    expect(templates.render({ messages, tools: [{}], template: "default" }).text).toBe("d");
    expect(() => templates.get("rag")).toThrow(
      expect.objectContaining({
        code: "TOKENIZER_CHAT_TEMPLATE_MISSING",
        message: expect.stringContaining("tool_use"),
      }),
    );
  });

  test("chat_template.jinja goes before the configuration", async () => {
    await writeFile(join(folder, "tokenizer_config.json"), JSON.stringify({ chat_template: "old", eos_token: "E" }));
    expect((await loadChatTemplates(folder)).render({ messages }).text).toBe("old");
    await writeFile(join(folder, "chat_template.jinja"), "new{{ eos_token }}\n");
    await mkdir(join(folder, "additional_chat_templates"));
    await writeFile(join(folder, "additional_chat_templates", "rag.jinja"), "r");
    const templates = await loadChatTemplates(folder);
    expect(templates.render({ messages }).text).toBe("newE");
    expect(templates.render({ messages, template: "rag" }).text).toBe("r");
  });

  test("none, and nonsense", async () => {
    await expect(loadChatTemplates(folder)).rejects.toMatchObject({ code: "TOKENIZER_CHAT_TEMPLATE_MISSING" });
    expect(() => readChatTemplates({})).toThrow(expect.objectContaining({ code: "TOKENIZER_CHAT_TEMPLATE_MISSING" }));
    for (const value of [1, [1], [{ name: "x" }], {}]) {
      expect(() => readChatTemplates({ chat_template: value })).toThrow(
        expect.objectContaining({ code: "TOKENIZER_FILE_INVALID", message: expect.stringContaining("chat_template") }),
      );
    }
  });
});
