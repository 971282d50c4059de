import { createTextSource, type TextSource, type TextSourceOptions } from "@codex/data";

/** How files hold their documents; where relative paths start. */
export interface TextInputOptions {
  /** By default what the files' extensions say. */
  readonly format?: TextSourceOptions["format"] | undefined;
  /** What one document is in a text file. Default: the file. */
  readonly unit?: TextSourceOptions["unit"] | undefined;
  /** The JSONL key or CSV column that holds the text. Default `text`. */
  readonly column?: string | undefined;
  /** Default: the working directory. */
  readonly directory?: string | undefined;
}

export function textInput(paths: readonly string[], { directory, format, unit, column }: TextInputOptions): TextSource {
  return createTextSource(
    {
      path: [...paths],
      ...(format === undefined ? {} : { format }),
      ...(unit === undefined ? {} : { unit }),
      ...(column === undefined ? {} : { column }),
    },
    directory === undefined ? {} : { directory },
  );
}

/** The documents of files, folders and globs, one by one. */
export async function* documentTexts(
  data: readonly string[],
  { signal, ...options }: TextInputOptions & { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<string> {
  for await (const { text } of textInput(data, options).documents()) {
    // Encoding does not wait for anything: here timers and signals get their turn.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    yield text;
  }
}
