"""What Hydra 1.3 and OmegaConf 2.3 make of the cases below, for packages/config.

    pip install hydra-core==1.3.2 omegaconf==2.3.1
    python tools/parity/config/hydra_cases.py packages/config/test/golden

Writes overrides.json, interpolation.json, yaml.json and compose.json: each a list of cases with either "value" or "error": true.
The cases follow the documentation of both projects (override grammar, defaults list, packages, interpolation) and its corners.
"""

import json
import math
import os
import sys
import tempfile
import warnings
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

warnings.simplefilter("ignore")

OVERRIDE_TEXTS = r"""
a=1
a=-1
a=+1
a=0
a=-0
a=007
a=1_000_000
a=1_
a=1.5
a=.5
a=5.
a=-.5
a=1e-3
a=1E5
a=1e+10
a=1.5e-4
a=1_0.5
a=inf
a=-inf
a=+Inf
a=nan
a=NaN
a=true
a=True
a=FALSE
a=yes
a=on
a=null
a=NULL
a=None
a=hello
a=hello-world_1
a=hello world
a=  hello
a=hello  
a=a/b/c.txt
a=/abs/path
a=http://example.com:8080/x
a=x:y
a=a.b.c
a=*.py
a=50%
a=user@host
a=what?
a=a|b
a=a\b
a=C:\\x
a=1a
a=1.2.3
a=12:34
a=10:20:30
a=-
a=--flag
a=
a=''
a=""
a='hello'
a="hello"
a='1'
a="true"
a='null'
a='a, b'
a='it\'s'
a="it's"
a='say "hi"'
a="say \"hi\""
a='back\\'
a='back\\slash'
a='back\\\'quote'
a='a=b'
a='[1,2]'
a='${b}'
a="${b} and ${c}"
a=${b}
a=${b}-x
a=${oc.env:USER,me}
a=${.b}
a=x${b}y
a=\,
a=a\,b
a=a\ b
a=a\=b
a=\[x\]
a=\(x\)
a=\{x\}
a=\\
a=\\\\
a=a\:b
a=[]
a=[1]
a=[1,2,3]
a=[1, 2, 3]
a=[ 1 , 2 ]
a=[a,b]
a=[a, 'b c', "d"]
a=[true,null,1.5,x]
a=[[1,2],[3]]
a=[{a:1},{b:2}]
a=[1,2
a=[1,,2]
a=[1,]
a=]
a={}
a={b:1}
a={b: 1}
a={b:1,c:2}
a={ b : 1 , c : 2 }
a={b:[1,2],c:{d:x}}
a={b:null}
a={1:x}
a={a b:1}
a={a/b:1}
a={b:x:y}
a={b:http://x}
a={b
a={b:1,}
a={b}
a={'b':1}
a=1,2
a=a,b,c
a=[1],[2]
a=b=c
a==b
a=(x)
a=x)
a='open
a="open
a='x'y
a=é
a='é'
a=#x
a=~
a=a~b
a=!x
a=a;b
a=a&b
a=<x>
a.b=1
a.b.c=1
a.0=1
a.0.b=1
+a=1
+a.b=1
++a=1
++a.b=x
~a
~a.b
~a=1
~a.b=x
+a
++a
a
a b=1
a-b=1
_a=1
$a=1
a$=1
1=1
0.a=1
a..b=1
.a=1
a.=1
a/b=c
+a/b=c
~a/b
a/b/c=d
a/b.c=d
a@b=c
a@b.c=d
a/b@c.d=e
+a@b=c
~a@b
a@b:c=d
a@_global_=x
=1
 a=1
a =1
a= [1]
+++a=1
a={a:1,a:2}
a=[1,[2,[3,[4]]]]
a=1 2
a=1 
a=true false
a=null x
a=1e
a=e1
a=infx
a=nanx
a=${a
a=$
a=$x
a=${a:${b}}
a='${a:${b}}'
a=a   b
""".split("\n")[1:-1]

INTERPOLATIONS = [
    ("reference", "a: 1\nb: ${a}"),
    ("reference keeps the type", "a: 1.5\nb: ${a}\nc: ${d}\nd: null"),
    ("nested path", "a: {b: {c: x}}\nd: ${a.b.c}"),
    ("list index", "a: [x, y]\nb: ${a.1}"),
    ("list index in brackets", "a: [x, y]\nb: ${a[0]}"),
    ("key in brackets", "a: {b: {c: x}}\nd: ${a[b].c}\ne: ${[a].b[c]}"),
    ("list index out of range", "a: [x]\nb: ${a.1}"),
    ("mapping", "a: {b: 1, c: [2]}\nd: ${a}"),
    ("list", "a: [1, {b: 2}]\nd: ${a}"),
    ("text", "host: h\nport: 80\nurl: http://${host}:${port}/"),
    ("text at the ends", "a: x\nb: ${a}${a}"),
    ("relative sibling", "a: {b: 1, c: '${.b}'}"),
    ("relative parent", "a: {b: 1, c: {d: '${..b}'}}"),
    ("relative grandparent", "x: 5\na: {c: {d: '${...x}'}}"),
    ("relative above the root", "a: ${..b}\nb: 1"),
    ("relative at the root", "a: ${.b}\nb: 1"),
    ("relative in a list", "a: [1, '${.0}']"),
    ("relative from a list to its parent", "a: {x: 3, b: ['${..x}']}"),
    ("relative inside a referenced mapping", "a: {x: 1, y: '${.x}'}\nb: ${a}\nx: 2"),
    ("relative path", "a: {b: {c: 1}, d: '${.b.c}'}"),
    ("chain", "a: ${b}\nb: ${c}\nc: 3"),
    ("nested key", "which: b\na: {b: 1}\nc: ${a.${which}}"),
    ("nested whole key", "which: a\na: 1\nc: ${${which}}"),
    ("nested path key", "which: a.b\na: {b: 4}\nc: ${${which}}"),
    ("nested key not text", "which: 1\na: [5, 6]\nc: ${a.${which}}"),
    ("partial key", "which: b\nab: 1\nc: ${a${which}}"),
    ("through a reference", "a: ${b}\nb: {c: 1}\nd: ${a.c}"),
    ("through a reference that needs itself", "a: {y: '${b.z}', z: 1}\nb: ${a}"),
    ("through a relative reference", "m: {a: '${.b}', b: {c: 1}}\nd: ${m.a.c}"),
    ("through a resolver", "a: \"${oc.decode:'{x: 1}'}\"\nb: ${a.x}"),
    ("through a resolver to nothing", "a: \"${oc.decode:'{x: 1}'}\"\nb: ${a.y}"),
    ("through references in a circle", "a: ${b.c}\nb: ${a.c}"),
    ("reference in quotes is text", "n: 5\na: \"${oc.decode:'${n}'}\""),
    ("mapping in a list", "a: [{x: 1}]\nb: ${a.0.x}\nc: ${a.0}"),
    ("missing key", "a: ${nope}"),
    ("missing nested key", "a: {b: 1}\nc: ${a.d}"),
    ("below a scalar", "a: 1\nb: ${a.c}"),
    ("to ???", "a: ???\nb: ${a}"),
    ("??? alone", "a: ???"),
    ("circular", "a: ${b}\nb: ${a}"),
    ("self", "a: ${a}"),
    ("parent", "a: {b: '${a}'}"),
    ("null in the way", "a: null\nb: ${a.c}"),
    ("env", "a: ${oc.env:CODEX_TEST_SET}"),
    ("env is text", "a: ${oc.env:CODEX_TEST_NUMBER}"),
    ("env in text", "a: x-${oc.env:CODEX_TEST_SET}-y"),
    ("env default", "a: ${oc.env:CODEX_TEST_UNSET,fallback}"),
    ("env default number", "a: ${oc.env:CODEX_TEST_UNSET,3}"),
    ("env default quoted", "a: ${oc.env:CODEX_TEST_UNSET,\"runs/default\"}"),
    ("env default single quoted", "a: \"${oc.env:CODEX_TEST_UNSET,'a, b'}\""),
    ("env default null", "a: ${oc.env:CODEX_TEST_UNSET,null}"),
    ("env default empty", "a: ${oc.env:CODEX_TEST_UNSET,''}"),
    ("env default path", "a: ${oc.env:CODEX_TEST_UNSET,/tmp/x-1.txt}"),
    ("env default spaces", "a: '${oc.env: CODEX_TEST_UNSET , some words }'"),
    ("env default reference", "d: 7\na: ${oc.env:CODEX_TEST_UNSET,${d}}"),
    ("env default relative reference", "m: {d: 7, a: '${oc.env:CODEX_TEST_UNSET,${.d}}'}"),
    ("env default text with reference", "d: 7\na: ${oc.env:CODEX_TEST_UNSET,run-${d}}"),
    ("env default quoted reference", "d: x\na: ${oc.env:CODEX_TEST_UNSET,\"<${d}>\"}"),
    ("env name by reference", "n: CODEX_TEST_SET\na: ${oc.env:${n}}"),
    ("env nested", "a: ${oc.env:CODEX_TEST_UNSET,${oc.env:CODEX_TEST_SET}}"),
    ("env unset", "a: ${oc.env:CODEX_TEST_UNSET}"),
    ("env without arguments", "a: ${oc.env:}"),
    ("env colon in default", "a: ${oc.env:CODEX_TEST_UNSET,http://x:1}"),
    ("decode int", "a: ${oc.decode:${oc.env:CODEX_TEST_NUMBER}}"),
    ("decode default", "a: ${oc.decode:${oc.env:CODEX_TEST_UNSET,1e-3}}"),
    ("decode list", "a: ${oc.decode:'[1, x, null, true]'}"),
    ("decode dict", "a: \"${oc.decode:'{x: 1, y: [2]}'}\""),
    ("decode null", "a: ${oc.decode:null}"),
    ("decode text", "a: ${oc.decode:hello}"),
    ("select", "b: 1\na: ${oc.select:b}"),
    ("select default", "a: ${oc.select:nope,5}"),
    ("select no default", "a: ${oc.select:nope}"),
    ("select ??? default", "b: ???\na: ${oc.select:b,5}"),
    ("select relative", "m: {b: 1, a: '${oc.select:.b}'}"),
    ("unknown resolver", "a: ${nope:1}"),
    ("escaped", "a: \\${b}\nb: 1"),
    ("escaped in text", "a: 'x \\${b} y'\nb: 1"),
    ("escaped and not", "a: '\\${b} ${b}'\nb: 1"),
    ("double backslash", "a: '\\\\${b}'\nb: 1"),
    ("triple backslash", "a: '\\\\\\${b}'\nb: 1"),
    ("backslash elsewhere", "a: 'x\\y ${b}'\nb: 1"),
    ("backslash at the end", "a: '${b}\\'\nb: 1"),
    ("dollar", "a: $b\nb: 1\nc: 5$\nd: 'x$${b}'"),
    ("no closing brace", "a: ${b\nb: 1"),
    ("empty", "a: ${}"),
    ("spaces inside", "a: ${ b }\nb: 1"),
    ("newline in text", "a: |\n  x ${b}\n  y\nb: z"),
    ("key with a dash", "a-b: 1\nc: ${a-b}"),
    ("key with a slash", "a/b: 1\nc: ${a/b}"),
    ("number in text", "a: 1.5\nb: v${a}"),
    ("integer in text", "a: 3\nb: v${a}"),
    ("small number in text", "a: 0.001\nb: v${a}"),
    ("true in text", "a: true\nb: v${a}"),
    ("null in text", "a: null\nb: v${a}"),
    ("text in text", "a: '${b}!'\nb: '${c}?'\nc: x"),
    ("in a list", "a: 1\nb: [x, '${a}', {c: '${a}'}]"),
]

YAML = [
    ("numbers", "a: 1\nb: -1\nc: 1.5\nd: 1e-3\ne: 1E5\nf: 1.5e+10\ng: .5\nh: 5.\ni: +3"),
    ("grouped digits", "a: 1_000\nb: 1_000.5\nc: -1_0"),
    ("infinities", "a: .inf\nb: -.inf\nc: .nan\nd: .Inf"),
    ("words that are no numbers", "a: inf\nb: nan\nc: e5\nd: 1.2.3\ne: 1a"),
    ("null", "a: null\nb: ~\nc:\nd: Null\ne: 'null'"),
    ("booleans", "a: true\nb: False\nc: TRUE\nd: 'true'"),
    ("yaml 1.1 booleans", "a: yes\nb: off\nc: 'no'"),
    ("octal", "a: 010\nb: 0o10\nc: 0x1F"),
    ("sexagesimal", "a: 1:30"),
    ("dates are text", "a: 2024-01-02"),
    ("strings", "a: hello world\nb: 'it''s'\nc: \"tab\\t\"\nd: a:b\ne: x#y"),
    ("block strings", "a: |\n  one\n  two\nb: >\n  one\n  two\nc: |-\n  one"),
    ("flow", "a: [1, two, {b: 3}]\nb: {c: [], d: {}}"),
    ("anchors", "a: &x {b: 1}\nc: *x"),
    ("integer keys", "1: a\n2: b"),
    ("duplicate key", "a: 1\na: 2"),
    ("duplicate nested key", "a:\n  b: 1\n  b: 2"),
    ("tab", "a:\n\tb: 1"),
    ("empty", ""),
    ("comment only", "# nothing"),
    ("document start", "---\na: 1"),
    ("unknown tag", "a: !!python/object:os.system x"),
    ("explicit string", "a: !!str 1"),
    ("unclosed", "a: [1, 2"),
]

DB = {
    "db/mysql.yaml": "driver: mysql\nuser: root\nport: 3306\n",
    "db/postgresql.yaml": "driver: postgresql\nuser: postgres\ntimeout: 10\n",
    "config.yaml": "defaults:\n  - db: mysql\n  - _self_\nname: app\n",
}
SERVER = {
    "config.yaml": "defaults:\n  - server/apache\n",
    "server/apache.yaml": "name: apache\n",
}
TREE = {
    "config.yaml": "defaults:\n  - server: apache\n  - _self_\ndebug: false\n",
    "server/apache.yaml": "defaults:\n  - db: mysql\n  - _self_\nname: apache\n",
    "server/db/mysql.yaml": "name: mysql\nuser: omry\n",
    "server/db/sqlite.yaml": "name: sqlite\n",
}


def case(name, files, overrides=(), config="config", search=(".",)):
    return {"name": name, "files": files, "config": config, "overrides": list(overrides), "search": list(search)}


def one(text, **more):
    return {"config.yaml": text, **more}


def defaults_of(*elements, content=""):
    return "defaults:\n" + "".join(f"  - {element}\n" for element in elements) + content


COMPOSE = [
    case("plain", one("a: 1\nb: {c: 2}\n")),
    case("group", DB),
    case("group choice", DB, ["db=postgresql"]),
    case("unknown option", DB, ["db=sqlite"]),
    case("value override", DB, ["db.user=me", "name=x"]),
    case("value override of the other option", DB, ["db=postgresql", "db.port=1"]),
    case("add to a group", DB, ["+db.password=secret"]),
    case("add existing", DB, ["+db.user=x"]),
    case("force add existing", DB, ["++db.user=x"]),
    case("force add new", DB, ["++db.a.b.c=x"]),
    case("add deep", DB, ["+a.b.c=1"]),
    case("change unknown", DB, ["nope=1"]),
    case("change unknown deep", DB, ["db.nope=1"]),
    case("delete group", DB, ["~db"]),
    case("delete group with its option", DB, ["~db=mysql"]),
    case("delete group with another option", DB, ["~db=postgresql"]),
    case("delete value", DB, ["~db.user"]),
    case("delete value that matches", DB, ["~db.user=root"]),
    case("delete value that does not match", DB, ["~db.user=x"]),
    case("delete unknown", DB, ["~db.nope"]),
    case("delete null", one("a: null\n"), ["~a"]),
    case("append a group", {**DB, "config.yaml": "name: app\n"}, ["+db=mysql"]),
    case("append a group that is there", DB, ["+db=postgresql"]),
    case("change a group that is not there", {**DB, "config.yaml": "name: app\n"}, ["db=mysql"]),
    case("force add a group", DB, ["++db=mysql"]),
    case("group to a number", DB, ["db=1"]),
    case("group to null", DB, ["db=null"]),
    case("group to a dict", DB, ["db={user: x}"]),
    case("override order", DB, ["db.user=a", "db.user=b"]),
    case("null on a value", DB, ["db.user=null"]),
    case("dict merges", DB, ["db={user: x, port: 1}"]),
    case("dict with an unknown key", DB, ["db={nope: 1}"]),
    case("add a dict merges", DB, ["+db={nope: 1}"]),
    case("list replaces", one("a: [1, 2, 3]\n"), ["a=[4]"]),
    case("list element", one("a: [1, 2, 3]\n"), ["a.1=5"]),
    case("list element out of range", one("a: [1]\n"), ["a.3=5"]),
    case("force add a list element out of range", one("a: [1]\n"), ["++a.3=5"]),
    case("force add a list element", one("a: [1]\n"), ["++a.0=5"]),
    case("change into a list element", one("a: [{x: 1}]\n"), ["a.0.x=5"]),
    case("delete a mapping that matches", DB, ["~db.user", "+db.user={a: 1}", "~db.user={a: 1}"]),
    case("add null value", one("a: null\n"), ["+a=5"]),
    case("add missing value", one("a: ???\n"), ["+a=5"]),
    case("change missing value", one("a: ???\n"), ["a=5"]),
    case("scalar to a mapping", one("a: 1\n"), ["+a.b=2"]),
    case("change below a scalar", one("a: 1\n"), ["a.b=2"]),
    case("interpolation in an override", one("a: 1\nb: 2\n"), ["b=${a}"]),
    case("interpolation with quotes", one("a: 1\nb: 2\n"), ["b='x ${a}'"]),
    case("interpolation to an overridden value", one("a: 1\nb: ${a}\n"), ["a=5"]),
    case("self first", {**DB, "config.yaml": defaults_of("_self_", "db: mysql", content="db: {user: mine, extra: 1}\n")}),
    case("self last", {**DB, "config.yaml": defaults_of("db: mysql", "_self_", content="db: {user: mine, extra: 1}\n")}),
    case("self absent", {**DB, "config.yaml": defaults_of("db: mysql", content="db: {user: mine}\n")}),
    case("self in the middle", {**DB, "x/y.yaml": "# @package _global_\ndb: {user: third}\n", "config.yaml": defaults_of("db: mysql", "_self_", "x: y", content="db: {user: second, port: 2}\n")}),
    case("self twice", {**DB, "config.yaml": defaults_of("_self_", "db: mysql", "_self_")}),
    case("config by path", SERVER),
    case("two options of one group by path", {"config.yaml": defaults_of("server/a", "server/b"), "server/a.yaml": "a: 1\nx: 1\n", "server/b.yaml": "b: 2\nx: 2\n"}),
    case("list of options", {"config.yaml": defaults_of("server: [a, b]"), "server/a.yaml": "a: 1\nx: 1\n", "server/b.yaml": "b: 2\nx: 2\n"}),
    case("list of options overridden", {"config.yaml": defaults_of("server: [a, b]"), "server/a.yaml": "a: 1\nx: 1\n", "server/b.yaml": "b: 2\nx: 2\n"}, ["server=[b]"]),
    case("list of options overridden by one", {"config.yaml": defaults_of("server: [a, b]"), "server/a.yaml": "a: 1\n", "server/b.yaml": "b: 2\n"}, ["server=b"]),
    case("append a list of options", {"config.yaml": "z: 1\n", "server/a.yaml": "a: 1\n", "server/b.yaml": "b: 2\n"}, ["+server=[a,b]"]),
    case("null option", {**DB, "config.yaml": defaults_of("db: null", content="a: 1\n")}),
    case("null option overridden", {**DB, "config.yaml": defaults_of("db: null", content="a: 1\n")}, ["db=mysql"]),
    case("mandatory option", {**DB, "config.yaml": defaults_of("db: ???")}),
    case("mandatory option given", {**DB, "config.yaml": defaults_of("db: ???")}, ["db=mysql"]),
    case("optional absent", {**DB, "config.yaml": defaults_of("optional db: nope", content="a: 1\n")}),
    case("optional present", {**DB, "config.yaml": defaults_of("optional db: mysql", content="a: 1\n")}),
    case("optional absent group", one(defaults_of("optional nope: x", content="a: 1\n"))),
    case("absent option", {**DB, "config.yaml": defaults_of("db: nope")}),
    case("nested groups", TREE),
    case("nested group choice", TREE, ["server/db=sqlite"]),
    case("nested group value", TREE, ["server.db.user=x"]),
    case("absolute group", {"config.yaml": defaults_of("server: a"), "server/a.yaml": defaults_of("/db: m", "_self_", content="x: 1\n"), "db/m.yaml": "d: 1\n"}),
    case("absolute group to the root", {"config.yaml": defaults_of("server: a"), "server/a.yaml": defaults_of("/db@_global_.db: m", "_self_", content="x: 1\n"), "db/m.yaml": "d: 1\n"}),
    case("package of an element", {**DB, "config.yaml": defaults_of("db@backup: mysql")}),
    case("two packages of a group", {**DB, "config.yaml": defaults_of("db@src: mysql", "db@dst: postgresql")}),
    case("choice of a packaged group", {**DB, "config.yaml": defaults_of("db@src: mysql", "db@dst: mysql")}, ["db@dst=postgresql"]),
    case("choice without the package", {**DB, "config.yaml": defaults_of("db@src: mysql")}, ["db=postgresql"]),
    case("append with a package", DB, ["+db@backup=postgresql"]),
    case("append with a nested package", DB, ["+db@a.b=postgresql"]),
    case("delete a packaged group", {**DB, "config.yaml": defaults_of("db@src: mysql", "db@dst: mysql")}, ["~db@src"]),
    case("package on a value", DB, ["nope@x=1"]),
    case("package _global_", {**DB, "config.yaml": defaults_of("db@_global_: mysql", content="a: 1\n")}),
    case("package _here_", {"config.yaml": defaults_of("server: a"), "server/a.yaml": defaults_of("db@_here_: m", content="x: 1\n"), "server/db/m.yaml": "d: 1\n"}),
    case("package _group_", {"config.yaml": defaults_of("server: a"), "server/a.yaml": defaults_of("/db@_group_: m", content="x: 1\n"), "db/m.yaml": "d: 1\n"}),
    case("package relative", {"config.yaml": defaults_of("server: a"), "server/a.yaml": defaults_of("db@inner: m", content="x: 1\n"), "server/db/m.yaml": "d: 1\n"}),
    case("header _global_", {"config.yaml": defaults_of("db: m", content="a: 1\n"), "db/m.yaml": "# @package _global_\nb: 2\n"}),
    case("header path", {"config.yaml": defaults_of("db: m", content="a: 1\n"), "db/m.yaml": "# @package x.y\nb: 2\n"}),
    case("header and package", {"config.yaml": defaults_of("db@z: m", content="a: 1\n"), "db/m.yaml": "# @package x.y\nb: 2\n"}),
    case("header after a comment", {"config.yaml": defaults_of("db: m"), "db/m.yaml": "# about this\n# @package _global_\nb: 2\n"}),
    case("header of the parent", {"config.yaml": defaults_of("s: a"), "s/a.yaml": "# @package top\n" + defaults_of("db: m", content="x: 1\n"), "s/db/m.yaml": "d: 1\n"}),
    case("override keyword", {**DB, "config.yaml": defaults_of("base", "override db: postgresql", "_self_"), "base.yaml": defaults_of("db: mysql")}),
    case("override keyword, absolute", {**DB, "config.yaml": defaults_of("base", "override /db: postgresql"), "base.yaml": defaults_of("db: mysql")}),
    case("override keyword loses to the command line", {**DB, "config.yaml": defaults_of("base", "override db: postgresql"), "base.yaml": defaults_of("db: mysql")}, ["db=mysql"]),
    case("override keyword before others", {**DB, "config.yaml": defaults_of("override db: postgresql", "base"), "base.yaml": defaults_of("db: mysql")}),
    case("override keyword without a target", {**DB, "config.yaml": defaults_of("base", "override nope: x"), "base.yaml": "a: 1\n"}),
    case("override keyword of a sibling", {**DB, "config.yaml": defaults_of("db: mysql", "exp: a"), "exp/a.yaml": "# @package _global_\n" + defaults_of("override /db: postgresql", "_self_", content="e: 1\n")}),
    case("experiment", {**DB, "exp/a.yaml": "# @package _global_\n" + defaults_of("override /db: postgresql", content="db: {timeout: 20}\nname: exp\n")}, ["+exp=a"]),
    case("experiment and values", {**DB, "exp/a.yaml": "# @package _global_\n" + defaults_of("override /db: postgresql", content="db: {timeout: 20}\n")}, ["+exp=a", "db.timeout=30"]),
    case("choice by interpolation", {"config.yaml": defaults_of("a: x", "b: y", "a_b: ${a}_${b}"), "a/x.yaml": "x: 1\n", "b/y.yaml": "y: 1\n", "a_b/x_y.yaml": "both: 1\n"}),
    case("choice by interpolation, overridden", {"config.yaml": defaults_of("a: x", "optional c: ${a}"), "a/x.yaml": "x: 1\n", "a/z.yaml": "z: 1\n", "c/x.yaml": "c: x\n"}, ["a=z"]),
    case("twice the same choice", {"config.yaml": defaults_of("p: a", "q: a"), "p/a.yaml": defaults_of("/db: m"), "q/a.yaml": defaults_of("/db: n"), "db/m.yaml": "m: 1\n", "db/n.yaml": "n: 1\n"}),
    case("chain of bases", {"config.yaml": defaults_of("m: c"), "m/a.yaml": "x: 1\ny: 1\nz: 1\n", "m/b.yaml": defaults_of("a", content="y: 2\nz: 2\n"), "m/c.yaml": defaults_of("b", content="z: 3\n")}),
    case("mappings merge, lists do not", {"config.yaml": defaults_of("m: a", content="m: {d: {y: 2}, l: [9]}\n"), "m/a.yaml": "d: {x: 1, y: 1}\nl: [1, 2]\n"}),
    case("scalar over mapping", {"config.yaml": defaults_of("m: a", content="m: {d: 1}\n"), "m/a.yaml": "d: {x: 1}\n"}),
    case("mapping over scalar", {"config.yaml": defaults_of("m: a", content="m: {d: {x: 1}}\n"), "m/a.yaml": "d: 1\n"}),
    case("null over mapping", {"config.yaml": defaults_of("m: a", content="m: {d: null}\n"), "m/a.yaml": "d: {x: 1}\n"}),
    case("mapping over null", {"config.yaml": defaults_of("m: a", content="m: {d: {x: 1}}\n"), "m/a.yaml": "d: null\n"}),
    case("missing over value", {"config.yaml": defaults_of("m: a", content="m:\n  d: ???\n"), "m/a.yaml": "d: 1\n"}),
    case("value over missing", {"config.yaml": defaults_of("m: a", content="m: {d: 2}\n"), "m/a.yaml": "d: ???\n"}),
    case("missing over mapping", {"config.yaml": defaults_of("m: a", content="m:\n  d: ???\n"), "m/a.yaml": "d: {x: 1}\n"}),
    case("mapping over a reference", {"config.yaml": defaults_of("m: a", content="t: {x: 1}\nm: {d: {y: 2}}\n"), "m/a.yaml": "d: ${t}\n"}),
    case("reference over a mapping", {"config.yaml": defaults_of("m: a", content="t: {x: 1}\nm:\n  d: ${t}\n"), "m/a.yaml": "d: {y: 2}\n"}),
    case("add a dict to a reference", one("t: {x: 1}\nd: ${t}\n"), ["+d={y: 2}"]),
    case("add below a reference", one("t: {x: 1}\nd: ${t}\n"), ["+d.y=2"]),
    case("change below a reference", one("t: {x: 1}\nd: ${t}\n"), ["d.x=2"]),
    case("add existing reference", one("t: 1\nd: ${t}\n"), ["+d=2"]),
    case("delete a reference", one("t: 1\nd: ${t}\n"), ["~d"]),
    case("delete a list element", one("a: [1, 2]\n"), ["~a.0"]),
    case("empty group file", {"config.yaml": defaults_of("m: a", content="x: 1\n"), "m/a.yaml": ""}),
    case("defaults is no list", one("defaults: {a: b}\n")),
    case("defaults with two keys", {**DB, "config.yaml": "defaults:\n  - {db: mysql, x: y}\n"}),
    case("two folders, first wins", {"one/config.yaml": defaults_of("m: a"), "one/m/a.yaml": "from: one\n", "two/m/a.yaml": "from: two\n"}, search=("one", "two")),
    case("two folders, second has it", {"one/config.yaml": defaults_of("m: b"), "one/m/a.yaml": "from: one\n", "two/m/b.yaml": "from: two\n"}, search=("one", "two")),
    case("sweep", DB, ["db=mysql,postgresql"]),
]


def plain(value):
    """JSON has no infinities; booleans and integers keep their kind."""
    if isinstance(value, dict):
        return {str(key): plain(child) for key, child in value.items()}
    if isinstance(value, list):
        return [plain(child) for child in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$number": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    return value


def attempt(record, run):
    try:
        return {**record, "value": plain(run())}
    except Exception:
        return {**record, "error": True}


def parse_override(text):
    parsed = OverridesParser.create().parse_override(text)
    if parsed.is_sweep_override():
        raise ValueError("sweep")
    kinds = {"CHANGE": "change", "ADD": "add", "FORCE_ADD": "forceAdd", "DEL": "delete"}
    return {"kind": kinds[parsed.type.name], "key": parsed.key_or_group, "package": parsed.package, "value": parsed.value()}


def resolve(text):
    return OmegaConf.to_container(OmegaConf.create(text), resolve=True)


def compose_case(record):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in record["files"].items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        first, *others = [os.path.join(folder, search) for search in record["search"]]
        overrides = list(record["overrides"])
        if others:
            overrides.append("hydra.searchpath=[" + ",".join(f"'file://{other}'" for other in others) + "]")
        with initialize_config_dir(config_dir=first, version_base="1.3"):
            config = compose(config_name=record["config"], overrides=overrides)
            return OmegaConf.to_container(config, resolve=True)


def main(out):
    os.environ.update({"CODEX_TEST_SET": "here", "CODEX_TEST_NUMBER": "12"})
    os.environ.pop("CODEX_TEST_UNSET", None)
    results = {
        "overrides": [attempt({"text": text}, lambda: parse_override(text)) for text in OVERRIDE_TEXTS],
        "interpolation": [attempt({"name": name, "yaml": text}, lambda: resolve(text)) for name, text in INTERPOLATIONS],
        "yaml": [attempt({"name": name, "yaml": text}, lambda: resolve(text)) for name, text in YAML],
        "compose": [attempt(record, lambda: compose_case(record)) for record in COMPOSE],
    }
    Path(out).mkdir(parents=True, exist_ok=True)
    for name, cases in results.items():
        lines = ",\n".join("  " + json.dumps(record) for record in cases)
        Path(out, f"{name}.json").write_text(f"[\n{lines}\n]\n")
        print(name, len(cases), "cases,", sum("error" in record for record in cases), "errors")


if __name__ == "__main__":
    main(sys.argv[1])
