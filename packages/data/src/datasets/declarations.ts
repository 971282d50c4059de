/**
 * Cuts a TypeScript declaration file into its top-level declarations, each with the comments before it. Licence headers
 * and `///` references, which are not about a declaration, are left out.
 *
 * A scan for brackets, comments and strings, and no parser: it need not change with the compiler. A declaration ends with
 * a semicolon outside of brackets, or with the brace that closes it unless a type goes on behind.
 */
export function* cutDeclarations(text: string): Generator<{ text: string; line: number }> {
  let depth = 0;
  let end = 0; // of the declaration before
  let start: number | undefined; // of this one, or of the comments before it
  let line = 1;
  let lineAt = 0; // `line` is the number of the line that this offset is in
  for (const { 0: token, index } of text.matchAll(TOKENS)) {
    if (depth === 0 && /^(\/\*!|\/\/\/)/.test(token)) {
      end = index + token.length;
      continue;
    }
    start ??= end;
    if ("{([".includes(token)) depth++;
    else if ("})]".includes(token)) depth--;
    if (depth > 0 || !(token === ";" || (token === "}" && !GOES_ON.test(text.slice(index + 1, index + 200))))) continue;
    const declaration = text.slice(start, index + 1);
    const from = start + declaration.length - declaration.trimStart().length;
    line += newlines(text, lineAt, from);
    lineAt = from;
    yield { text: declaration.trim(), line };
    end = index + 1;
    start = undefined;
  }
}

const TOKENS = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|[{}()[\];]/g;
const GOES_ON = /^\s*[;,|&[)>=.?:]/;

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count++;
  return count;
}
