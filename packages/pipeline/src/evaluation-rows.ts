/** Rows of `{ input, target }`: reading them, scoring the target's tokens, and letting the model answer. */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import type { EvaluationRow } from "@codex/metrics";
import { generate } from "@codex/models";
import type { HostBatch } from "@codex/training";
import { PipelineError } from "./errors.ts";
import type { OpenedModel } from "./open-model.ts";

export interface InputRow {
  readonly input: string;
  readonly target: string;
  /** `file:line`, for messages. */
  readonly origin: string;
}

/** @param shown - the path as the user wrote it @throws {PipelineError} `PIPELINE_FILE_NOT_FOUND`, `PIPELINE_FILE_INVALID` naming file and line */
export async function readRows(path: string, shown: string, maxRows = Number.POSITIVE_INFINITY): Promise<InputRow[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new PipelineError(
      "PIPELINE_FILE_NOT_FOUND",
      `${shown}: expected a file of rows, it cannot be read: ${(cause as Error).message}`,
      { cause },
    );
  });
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(path.endsWith(".gz") ? gunzipSync(bytes) : bytes);
  } catch (cause) {
    throw new PipelineError("PIPELINE_FILE_INVALID", `${shown}: expected UTF-8 text: ${(cause as Error).message}`, {
      cause,
    });
  }
  const rows: InputRow[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (rows.length >= maxRows) break;
    if (line.trim() === "") continue;
    const origin = `${shown}:${index + 1}`;
    let row: { input?: unknown; target?: unknown } | null;
    try {
      row = JSON.parse(line) as typeof row;
    } catch (cause) {
      throw new PipelineError(
        "PIPELINE_FILE_INVALID",
        `${origin}: expected one JSON object per line: ${(cause as Error).message}`,
        { cause },
      );
    }
    const { input, target } = row ?? {};
    if (typeof input !== "string" || typeof target !== "string" || target === "") {
      throw new PipelineError(
        "PIPELINE_FILE_INVALID",
        `${origin}: expected { "input": text, "target": text that is not empty }, got ${line.slice(0, 80)}`,
      );
    }
    rows.push({ input, target, origin });
  }
  if (rows.length === 0)
    throw new PipelineError(
      "PIPELINE_FILE_INVALID",
      `${shown}: expected rows of { "input", "target" }, the file has none`,
    );
  return rows;
}

/** Each row alone in a row of its own batch position: input without labels, target with. An input that does not fit loses its beginning. */
export function* rowBatches(
  rows: readonly InputRow[],
  { model, tokenizer }: OpenedModel,
  batchSize: number,
): Generator<HostBatch> {
  const context = model.config.maxPositionEmbeddings;
  for (let first = 0; first < rows.length; first += batchSize) {
    const encoded = rows.slice(first, first + batchSize).map(({ input, target, origin }) => {
      const wanted = tokenizer.encode(target, { addSpecialTokens: false });
      if (wanted.length > context) {
        throw new PipelineError(
          "PIPELINE_FILE_INVALID",
          `${origin}: the target has ${wanted.length} tokens, the model's context ${context}`,
        );
      }
      const before = tokenizer.encode(input, { addSpecialTokens: false });
      const start =
        before.length > 0 || tokenizer.endOfTextId === undefined ? before : Uint32Array.of(tokenizer.endOfTextId);
      return { before: start.slice(Math.max(0, start.length + wanted.length - 1 - context)), wanted };
    });
    const sequenceLength = Math.max(...encoded.map(({ before, wanted }) => before.length + wanted.length - 1), 1);
    const size = encoded.length * sequenceLength;
    const inputIds = new Int32Array(size);
    const labels = new Int32Array(size).fill(-100);
    let byteCount = 0;
    for (const [row, { before, wanted }] of encoded.entries()) {
      const ids = [...before, ...wanted];
      for (let t = 0; t + 1 < ids.length; t += 1) {
        inputIds[row * sequenceLength + t] = ids[t] as number;
        if (t + 1 < before.length) continue;
        labels[row * sequenceLength + t] = ids[t + 1] as number;
        byteCount += tokenizer.tokenByteLength?.(ids[t + 1] as number) ?? 0;
      }
    }
    yield {
      rows: encoded.length,
      sequenceLength,
      inputIds,
      labels,
      sampleIds: encoded.map((_, row) => first + row),
      ...(tokenizer.tokenByteLength === undefined ? {} : { byteCount }),
    };
  }
}

/** The likeliest continuation of each input, up to the end of the text or, for a target of one line, the end of the line. */
export async function answerRows(
  rows: readonly InputRow[],
  { model, tokenizer }: OpenedModel,
  maxNewTokens: number,
): Promise<EvaluationRow[]> {
  const answered: EvaluationRow[] = [];
  for (const { input, target } of rows) {
    const encoded = tokenizer.encode(input, { addSpecialTokens: false });
    const room = Math.max(
      1,
      model.config.maxPositionEmbeddings - Math.min(maxNewTokens, model.config.maxPositionEmbeddings - 1),
    );
    const prompt =
      encoded.length > 0 || tokenizer.endOfTextId === undefined ? encoded.slice(-room) : [tokenizer.endOfTextId];
    const oneLine = !target.includes("\n");
    const { tokenIds } = await generate(model, prompt, {
      temperature: 0,
      maxNewTokens,
      shouldStop: (generated) => oneLine && tokenizer.decode(generated).trimStart().includes("\n"),
    });
    const text = tokenizer.decode(tokenIds).trim();
    answered.push({ input, target, prediction: oneLine ? (text.split("\n")[0] ?? "") : text });
  }
  return answered;
}
