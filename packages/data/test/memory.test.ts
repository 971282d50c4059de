import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { useTemporaryDirectory } from "./support/temporary.ts";

const files = useTemporaryDirectory();
const MEGABYTE = 1e6;

test("100 MB of text are tokenized and read in less than 100 MB above the start", () => {
  const line = "The quick brown fox jumps over the lazy dog, again and again.";
  mkdirSync(files.path("text"));
  const file = openSync(files.path("text/large.txt"), "w");
  let bytes = 0;
  for (let part = 0; bytes < 100 * MEGABYTE; part++) {
    const lines = Array.from({ length: 20_000 }, (_, i) => `${part}.${i} ${line}`);
    bytes += writeSync(file, `${lines.join("\n")}\n`);
  }
  closeSync(file);

  const register = pathToFileURL(
    fileURLToPath(new URL("../../../tools/jest/register-typescript.mjs", import.meta.url)),
  ).href;
  const program = fileURLToPath(new URL("support/measure-memory.ts", import.meta.url));
  const options = ["--conditions=@codex/source", "--import", register];
  execFileSync(process.execPath, [
    ...options,
    program,
    files.path("text"),
    files.path("cache"),
    files.path("result.json"),
  ]);
  const { startBytes, peakBytes, targets, splits } = JSON.parse(readFileSync(files.path("result.json"), "utf8"));

  expect(splits.train.tokens + splits.validation.tokens).toBe(bytes);
  expect(targets).toBe(splits.train.tokens - 1);
  expect((peakBytes - startBytes) / MEGABYTE).toBeLessThan(100);
}, 120_000);
