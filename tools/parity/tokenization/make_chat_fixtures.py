"""What jinja2, set up as transformers does it, makes of chat templates: run by hand, the result is committed.

    python tools/parity/tokenization/make_chat_fixtures.py

Templates are packages/tokenization/test/golden/chat/*.jinja, written in the shapes of published ones; the snippets below try one thing each.
"""

import json
from pathlib import Path

import jinja2
import transformers
from transformers.utils import chat_template_utils

GOLDEN = Path(__file__).parents[3] / "packages/tokenization/test/golden"
TIME = "21 Nov 2026"

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Weather of a place: \"now\" <& later>",
            "parameters": {
                "type": "object",
                "properties": {
                    "unit": {"type": "string", "enum": ["C", "F"]},
                    "place": {"type": "string", "description": "A city,\nor a village: Köln"},
                    "days": {"type": "array", "items": {"type": "integer"}},
                    "exact": {"type": "boolean"},
                },
                "required": ["place"],
            },
            "return": {"type": "string"},
        },
    },
    {"type": "function", "function": {"name": "now", "description": "Time", "parameters": {"type": "object", "properties": {}}}},
]
USER = {"role": "user", "content": "  Hi, 你好 👩‍💻!\n"}
ASSISTANT = {"role": "assistant", "content": "<think>a</think>\n Hello \"you\" "}
SYSTEM = {"role": "system", "content": "Be brief.\n\tIt's late."}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"type": "function", "id": "abcdef012", "function": {"name": "get_weather", "arguments": {"place": "Köln", "days": [1, 2.5, 3], "x": None}}}],
}
RESULT = {"role": "tool", "content": "{\"t\": 21}", "tool_call_id": "abcdef012", "name": "get_weather"}
PARTS = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": " look "}]}
CHATS = {
    "one": {"messages": [USER], "add_generation_prompt": True},
    "turns": {"messages": [SYSTEM, USER, ASSISTANT, USER], "add_generation_prompt": True},
    "closed": {"messages": [USER, ASSISTANT], "add_generation_prompt": False},
    "tools": {"messages": [SYSTEM, USER, CALL, RESULT, ASSISTANT, USER], "tools": TOOLS, "add_generation_prompt": True},
    "calls": {"messages": [USER, CALL, RESULT, RESULT], "tools": TOOLS[:1], "add_generation_prompt": True},
    "parts": {"messages": [PARTS], "add_generation_prompt": True},
    "disorder": {"messages": [USER, USER], "add_generation_prompt": True},
    "options": {"messages": [USER], "add_generation_prompt": True, "variables": {"enable_thinking": False, "date_string": "1 Jan 2020"}},
    "empty": {"messages": []},
}

CONTEXT = {
    "text": "  Hello, Wörld 👩‍💻\n",
    "empty": "",
    "n": 7,
    "half": 0.5,
    "two": 2.25,
    "yes": True,
    "nothing": None,
    "list": [3, 1, 2],
    "words": ["b", "A", "c", "a"],
    "dict": {"b": 1, "a": [1, {"x": None}], "items": "mine", "ключ": "é\u0007<&>'\""},
    "people": [{"name": "Ann", "age": 3, "in": {"x": 1}}, {"name": "bob", "age": 2}, {"age": 2.5}],
}
SNIPPETS = [
    # expressions
    "{{ 1 + 2 * 3 - 4 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2 ** 10 }} {{ 7.5 // 2 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }}",
    "{{ 4 / 2 }} {{ 1e20 }} {{ 1.0 }} {{ 0.1 + 0.2 }} {{ 1e-5 }} {{ 123456789012345680.0 }} {{ half }} {{ two }} {{ -0.0 }} {{ 0.00012 }} {{ 1_000 }} {{ 0x1f }}",
    "{{ n > 3 and n < 10 }} {{ 1 < n < 5 }} {{ n == 7.0 }} {{ 1 == true }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ not n }} {{ n or 'x' }} {{ empty or 'x' }} {{ n and 'x' }}",
    "{{ 'a' in 'abc' }} {{ 'a' not in ['b'] }} {{ 'b' in dict }} {{ 3 in list }} {{ 'x' in missing }} {{ not 'a' in 'abc' }}",
    "{{ 'a' ~ 1 ~ none ~ true ~ 1.0 ~ missing ~ [1, 'x'] }}",
    "{{ 'ab' * 3 }} {{ 2 * [1] }} {{ [1] + [2] }} {{ (1,) + (2, 3) }} {{ () }} {{ (1) }}",
    "{{ 'x' if n else 'y' }}{{ 'x' if not n }}{{ 'a' if false else 'b' if false else 'c' }}",
    "{{ -n }} {{ +n }} {{ - 3 | abs }} {{ -half }} {{ (-3) | abs }}",
    "{{ 'it\\'s' }} {{ \"q\\\"\\n\\t\\\\ \\u00e9 \\x41 \\101 \\q\" }} {{ 'a' 'b' }}",
    "{{ true }} {{ True }} {{ none }} {{ None }} {{ false }}",
    "{{ {'a': 1, 2: [3], true: none, 'q': 'it\\'s', 'd': 'a\"b\\'c', 'n': '\\n\\t\\\\\\u200b\\u00e9\\x07👩'} }}",
    "{{ {'a': {'b': 1}}.a.b }} {{ {'a': {'b': 1}}['a']['b'] }} {{ [[1, 2], [3]][0][1] }} {{ list.0 }}",
    "{{ text[2:7] }}|{{ text[:-1] }}|{{ text[::-1] }}|{{ text[-3:] }}|{{ text[100:] }}|{{ list[::2] }}|{{ list[-1] }}|{{ list[::-1] }}|{{ list[5:1:-1] }}|{{ list[:2] }}|{{ (1,2,3)[1:] }}",
    "{{ text[15] }}|{{ text[99] }}|{{ list[99] }}|{{ '👩‍💻'|length }}|{{ text|length }}",
    "{{ missing }}|{{ dict.missing }}|{{ dict['missing'] }}|{{ missing is defined }}|{{ missing|default('d') }}|{{ empty|default('d') }}|{{ empty|default('d', true) }}|{{ missing|d }}",
    "{{ missing.x }}", "{{ missing + 1 }}", "{{ missing() }}", "{{ 'a' + 1 }}", "{{ 1 / 0 }}", "{{ dict.missing.x }}", "{{ nothing.x.y }}", "{{ 1 < 'a' }}", "{{ 1 in 'a' }}",
    "{{ dict.items() | list }} {{ dict['items'] }} {{ dict.get('items') }} {{ dict.get('zz') }} {{ dict.get('zz', 5) }} {{ dict.keys() | list }} {{ dict.values() | list }}",
    "{{ dict.a[1].x }} {{ dict.__class__ }}", "{{ dict.__class__.__mro__ }}", "{{ ''.__class__.__base__ }}",
    "{{ list.append(1) }}", "{{ dict.update({'a': 1}) }}", "{{ dict.pop('a') }}", "{{ list.sort() }}",
    "{{ nothing is none }} {{ nothing is not none }} {{ n is odd }} {{ n is even }} {{ n is divisibleby 7 }} {{ n is divisibleby(2) }} {{ n is eq 7 }} {{ n is in [7] }} {{ n is not in [7] }} {{ n is gt 3 }} {{ n is ge(7) }} {{ n is ne 7 }}",
    "{{ n is number }} {{ true is number }} {{ true is integer }} {{ two is integer }} {{ two is float }} {{ n is integer }} {{ true is boolean }} {{ n is boolean }} {{ yes is true }} {{ yes is false }} {{ 1 is true }}",
    "{{ text is string }} {{ list is string }} {{ list is iterable }} {{ text is iterable }} {{ dict is iterable }} {{ n is iterable }} {{ missing is iterable }} {{ dict is mapping }} {{ list is mapping }} {{ list is sequence }} {{ dict is sequence }} {{ text is sequence }} {{ nothing is sequence }} {{ (1,) is sequence }}",
    "{{ 'abc' is lower }} {{ 'aBc' is lower }} {{ 'ABC' is upper }} {{ '12' is upper }} {{ raise_exception is callable }} {{ n is callable }} {{ none is sameas none }}",
    "{{ n is defined and missing is undefined }} {{ not missing is defined }} {{ (missing is defined) | string | upper }}",
    # filters
    "[{{ text|trim }}] [{{ 'xxaxx'|trim('x') }}] [{{ '\\u00a0\\u2003a\\ufeff'|trim }}]",
    "{{ text|upper }} {{ text|lower }} {{ 'hELLO wORLD-foo (bar'|title }} {{ 'hELLO'|capitalize }} {{ 'straße'|upper }} {{ 'ΟΔΟΣ'|lower }}",
    "{{ dict|tojson }}", "{{ dict|tojson(indent=2) }}", "{{ dict|tojson(ensure_ascii=true) }}", "{{ dict|tojson(sort_keys=true, separators=(',', ':')) }}",
    "{{ [1, 2.0, 2.5, 1e20, none, true, 'x', [], {}, (1, 2)]|tojson }} {{ []|tojson(indent=2) }} {{ {'a': []}|tojson(indent=1) }} {{ {1: 2, none: 3, true: 4}|tojson }}",
    "{{ '\\u2028 \\x7f </script> é 👩'|tojson }}", "{{ missing|tojson }}", "{{ raise_exception|tojson }}",
    "{{ list|join }} {{ list|join(', ') }} {{ words|join('-') }} {{ people|join('/', attribute='age') }} {{ [1, none, 'a']|join('|') }} {{ 'abc'|join('.') }}",
    "{% for k, v in dict|items %}{{ k }}={{ v }};{% endfor %}{% for k, v in missing|items %}x{% endfor %}",
    "{{ list|sort }} {{ words|sort }} {{ words|sort(case_sensitive=true) }} {{ words|sort(reverse=true) }} {{ people[:2]|sort(attribute='age')|map(attribute='name')|list }}",
    "{{ words|unique|list }} {{ [1, 1, 2]|unique|list }} {{ list|reverse|list }} {{ 'abc'|reverse }} {{ list|sum }} {{ list|min }} {{ list|max }} {{ people|sum(attribute='age') }}",
    "{{ list|first }} {{ list|last }} {{ 'abc'|first }} {{ []|first }} {{ list|length }} {{ dict|length }} {{ missing|length }} {{ list|count }}",
    "{{ people|map(attribute='name')|list }}", "{{ people|map(attribute='name', default='?')|list }} {{ people|map(attribute='in.x', default=0)|list }} {{ words|map('upper')|list }} {{ words|map('replace', 'a', 'z')|join }}",
    "{{ people|selectattr('name')|map(attribute='age')|list }} {{ people|selectattr('age', 'gt', 2)|list|length }} {{ people|rejectattr('name', 'defined')|list }} {{ people|selectattr('age', 'equalto', 2)|list }} {{ list|select('odd')|list }} {{ list|reject('odd')|list }} {{ [0, 1, '']|select|list }} {{ people|selectattr('age', 'in', [2])|list|length }}",
    "{{ '42'|int }} {{ '4.9'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ ' 7 '|int }} {{ 3.9|int }} {{ -3.9|int }} {{ 'ff'|int(0, 16) }} {{ '1.5'|float }} {{ 'x'|float }} {{ 2|float }} {{ none|int }} {{ true|int }}",
    "{{ 2.5|round }} {{ 3.5|round }} {{ 2.567|round(2) }} {{ 2.1|round(0, 'ceil') }} {{ 2.9|round(method='floor') }} {{ 7|round }} {{ -5|abs }} {{ -5.5|abs }}",
    "{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\n\\nb'|indent(1, blank=true) }}|{{ 'a\\nb'|indent('> ') }}|{{ 'a\\n'|indent }}",
    "{{ 'aXbXc'|replace('X', '-') }} {{ 'aXbXc'|replace('X', '', 1) }} {{ 'ab'|replace('', '-') }} {{ 5|replace(5, 6) }} {{ 'aaa'|replace('aa', 'b') }}",
    "{{ {'b': 1, 'A': 2, 'a': 3}|dictsort }} {{ {'b': 1, 'a': 2}|dictsort(false, 'value') }} {{ {'b': 1, 'a': 2}|dictsort(reverse=true) }}",
    "{{ '%s is %d%%'|format('x', 3) }} {{ '%s-%s' % ('a', 1) }} {{ '%s' % 5 }}", "{{ 5|string + 'x' }} {{ [1, 'a']|string }} {{ 'abc'|list }} {{ dict|list }} {{ '<&>'|safe }}",
    "{{ list|nofilter }}", "{{ n is notest }}", "{{ text|trim(1, 2) }}", "{{ n|length }}",
    # methods
    "[{{ text.strip() }}] [{{ text.lstrip() }}] [{{ text.rstrip() }}] [{{ 'xya'.strip('yx') }}] [{{ 'xax'.lstrip('x') }}] [{{ 'xax'.rstrip('x') }}] [{{ 'xax'.strip(none) }}]",
    "{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ ' a  b c '.split(none, 1) }} {{ 'a,b,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a b  c '.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a,b'.split(sep=',', maxsplit=1) }} {{ 'abc'.split('') if false }}",
    "{{ 'a</think>b</think>c'.split('</think>')[-1].lstrip('\\n') }} {{ 'abc'.startswith('a') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abc'.find('c') }} {{ '👩c'.find('c') }} {{ 'abc'.find('z') }} {{ 'abcabc'.rfind('b') }} {{ 'aXa'.count('a') }} {{ 'abc'.index('b') }}",
    "{{ 'aXa'.replace('a', 'b') }} {{ 'aXa'.replace('a', 'b', 1) }} {{ ','.join(['a', 'b']) }} {{ 'a\\nb\\r\\nc\\n'.splitlines() }} {{ 'a=b=c'.partition('=') }} {{ 'a=b=c'.rpartition('=') }} {{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }}",
    "{{ 'aB'.upper() }} {{ 'aB'.lower() }} {{ 'heLLO you'.title() }} {{ 'heLLO'.capitalize() }} {{ '12'.isdigit() }} {{ ''.isdigit() }} {{ 'a'.isalpha() }} {{ 'a1'.isalnum() }} {{ ' '.isspace() }} {{ 'A'.isupper() }} {{ '²'.isdigit() }} {{ '½'.isnumeric() }}",
    "{{ [1, 2, 1].index(2) }} {{ [1, 2, 1].count(1) }} {{ ','.join([1]) }}", "{{ 'abc'.index('z') }}", "{{ 'abc'.nomethod() }}",
    # statements
    "{% for x in list %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }}{{ loop.depth }};{% else %}none{% endfor %}",
    "{% for x in [] %}a{% else %}none{% endfor %}{% for x in list if x > 1 %}{{ loop.index }}/{{ loop.length }}:{{ x }} {% endfor %}{% for x in list if x > 9 %}a{% else %}none{% endfor %}",
    "{% for a, b in [(1, 2), [3, 4], 'xy'] %}{{ a }}-{{ b }} {% endfor %}{% for k in dict %}{{ k }} {% endfor %}{% for c in 'é👩' %}[{{ c }}]{% endfor %}{% for x in missing %}{% endfor %}",
    "{% for x in range(3) %}{% for y in range(2) %}{{ loop.depth }}{{ x }}{{ y }} {% endfor %}{% endfor %}{{ range(2, 8, 3)|list }} {{ range(3, 0, -1)|list }}",
    "{% for x in range(10) %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 5 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{% for i in list %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}{% if true %}{% set x = 9 %}{% endif %}{{ x }}",
    "{% set ns = namespace(a=1) %}{% for i in list %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{% set ns.b = 2 %}{{ ns.b }}{{ ns.c }}",
    "{% set a, b = 1, 2 %}{{ b }}{{ a }}{% set t = 1, 2 %}{{ t }}{% set (a, b) = [3, 4] %}{{ a }}{{ b }}", "{% set x %}  in {{ n }} {% endset %}[{{ x }}]{% set y | trim | upper %} up {% endset %}[{{ y }}]",
    "{% set dict.a = 1 %}", "{% set ns = namespace() %}{% set ns.__x = 1 %}", "{% set a, b = [1] %}", "{% for a, b in [1] %}{% endfor %}", "{% for x in n %}{% endfor %}", "{% for x in none %}{% endfor %}",
    "{% macro m(a, b='B', c=none) %}[{{ a }}{{ b }}{{ c }}{{ n }}]{% endmacro %}{{ m(1) }}{{ m(1, c=2) }}{{ m('x', 'y', 'z') }}{{ m() }}",
    "{% macro m(a) %}{% set n = 5 %}{{ a }}{{ n }}{% endmacro %}{{ m(m(1)) }}{{ n }}{% macro fact(k) %}{{ k * (fact(k - 1) | int) if k > 1 else 1 }}{% endmacro %}{{ fact(5) }}",
    "{% macro m() %}{{ a }}{% endmacro %}{% set a = 1 %}{{ m() }}{% set a = 2 %}{{ m() }}", "{% macro m(a, b) %}{% endmacro %}{{ m(1, 2, 3) }}", "{% macro m(a) %}{% endmacro %}{{ m(z=1) }}",
    "{% macro box(t) %}<{{ t }}>{{ caller('!') }}</{{ t }}>{% endmacro %}{% call(x) box('b') %}in{{ x }}{{ n }}{% endcall %}", "{% macro m() %}{% if caller %}{{ caller() }}{% else %}no{% endif %}{% endmacro %}{{ m() }}{% call m() %}yes{% endcall %}",
    "{% filter upper %}a{{ n }}b{% endfilter %}{% filter trim | upper %} x {% endfilter %}{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% with a = n %}{% set n = 1 %}{{ a }}{{ n }}{% endwith %}{{ n }}",
    "{% if n == 1 %}a{% elif n == 7 %}b{% else %}c{% endif %}{% if missing %}x{% endif %}{% if [] %}x{% else %}y{% endif %}{% if {} or 0.0 or '' or () %}x{% endif %}{% if half %}h{% endif %}",
    "{% generation %}g{{ n }}{% endgeneration %}", "{% raw %}{{ n }}{% x %}{% endraw %}\n{%- raw -%}  a {{ b }}  {%- endraw -%}\n x", "{{ dict(a=1, b=[2]) }} {{ dict({'z': 1}, a=2) }} {{ dict([('k', 'v')]) }}",
    "{{ raise_exception('no: ' ~ n) }}", "{{ strftime_now('%d %b %Y') }}", "{{ (people|selectattr('name', 'equalto', 'bob')|first).age }} {{ (people|map(attribute='age')|list)[-1] }}",
    "{{ namespace(a=1).a }} {{ 'x' is in 'xyz' }} {{ n is not none and n is not string }} {{ 'a' if n is defined and n else 'b' }} {{ n|string|length }} {{ n|string is string }}",
    # white space
    "  {% if true %}\n  a\n  {% endif %}\n b\n", "a\n  {%- if true -%}  \n b {%- endif %}  c", "x {% if true %} y {% endif %} z\n", "a {# c #} b\n  {# c #}\nd\n{#- c -#}\n e", "  {%+ if true %}a{% endif +%}\nb", "\n\n{{ n }}\n\n", "{{- n -}}   \n  x  {{- n }}\n",
    "a\r\nb\rc\n{% if true %}\r\nd{% endif %}\r\n", "\t{% set x = 1 %}\t\n\t{{ x }}\t{% set y = 2 %}  \n", "{% if true %}\n\n{% endif %}\nx", " {{ '{{' }} {{ '%}' }} {% if '%}' %}y{% endif %}", "a\n   {{ n }}", "{%if n%}a{%endif%}{{n}}{{-n}}", "  {%- set x = 1 -%}  ", "{# a {{ n }} {% if %} #}x", "a{%- if true %} b{% endif -%} c", "x\u00a0\n \u00a0{% if true %}y{% endif %}",
    # not Jinja
    "{% if %}", "{{ }}", "{% if true %}", "{% endif %}", "{% for x in list %}{% endif %}", "{{ n", "{% n %}", "{{ 'a }}", "{{ [1, }}", "{{ (1 }}", "{{ 1 +}}", "{# x", "{{ n|}}", "{{ n is }}", "{% set 1 = 2 %}", "{{ a b }}", "{{ f(a=1, 2) }}", "{% raw %}x", "{{ n ! 1 }}", "{{ {1} }}", "{{ n. }}", "{{ } }}", "{% set true = 1 %}", "{{ $ }}", "{% break %}",
]


def strftime_now(_: str) -> str:
    return TIME


def render(template: str, values: dict) -> dict:
    try:
        compiled = chat_template_utils._compile_jinja_template(template)
        compiled.globals["strftime_now"] = strftime_now
    except Exception as error:
        return {"fails": "syntax", "python": type(error).__name__}
    try:
        return {"text": compiled.render(**values)}
    except jinja2.exceptions.TemplateError as error:
        refused = type(error) is jinja2.exceptions.TemplateError
        return {"fails": "refused" if refused else "run", "python": type(error).__name__}
    except Exception as error:
        return {"fails": "run", "python": type(error).__name__}


chats = []
for path in sorted((GOLDEN / "chat").glob("*.jinja")):
    template = path.read_text(encoding="utf-8")
    for name, chat in CHATS.items():
        values = {
            "messages": chat["messages"],
            "tools": chat.get("tools"),
            "documents": None,
            "add_generation_prompt": chat.get("add_generation_prompt", False),
            "bos_token": "<s>",
            "eos_token": "</s>",
            **chat.get("variables", {}),
        }
        case = {"template": path.name, "chat": name, **render(template, values)}
        if "generation" in template and "text" in case:
            compiled = chat_template_utils._compile_jinja_template(template)
            _, indices = chat_template_utils._render_with_assistant_indices(compiled_template=compiled, **values)
            case["generated"] = [case["text"][start:end] for start, end in indices]
        chats.append(case)

snippets = [{"template": one, **render(one, CONTEXT)} for one in SNIPPETS]
out = {"jinja2": jinja2.__version__, "transformers": transformers.__version__, "time": TIME, "inputs": CHATS, "chats": chats, "context": CONTEXT, "snippets": snippets}
(GOLDEN / "chat.json").write_text(json.dumps(out, ensure_ascii=True, indent=1) + "\n", encoding="utf-8")
print(len(chats), "chats,", len(snippets), "snippets,", sum("fails" in one for one in chats + snippets), "failing")
