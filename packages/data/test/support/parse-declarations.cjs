/** Prints, as JSON, the statements of each lib.*.d.ts by TypeScript's own parser, without licence headers and references. */
"use strict";
const { readdirSync, readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const ts = require("typescript");

const folder = join(dirname(require.resolve("typescript/package.json")), "lib");
const header = /^\s*(?:(?:\/\*![\s\S]*?\*\/|\/\/\/[^\n]*)\s*)+/;
const statements = {};
for (const name of readdirSync(folder).filter((file) => /^lib\..*\.d\.ts$/.test(file))) {
  const text = readFileSync(join(folder, name), "utf8");
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ESNext);
  statements[name] = file.statements.map(({ pos, end }) => text.slice(pos, end).replace(header, "").trim());
}
console.log(JSON.stringify(statements));
