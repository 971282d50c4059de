import { useEffect, useState } from "preact/hooks";
import type { RunDetails } from "../src/protocol.ts";
import type { ShownRun } from "./chart.tsx";
import { get, runVersion } from "./server-data.ts";

export interface Loaded {
  readonly run: ShownRun;
  readonly details: RunDetails | undefined;
  readonly problem: string | undefined;
}

/** What there is to know of each shown run, asked for again when the run changes. */
export function useDetails(runs: readonly ShownRun[]): readonly Loaded[] {
  const [known, setKnown] = useState<ReadonlyMap<string, Pick<Loaded, "details" | "problem">>>(new Map());
  const version = runs.reduce((sum, { id }) => sum + runVersion(id).value, 0);
  const ids = runs.map(({ id }) => id).join(",");
  useEffect(() => {
    const abort = new AbortController();
    for (const id of ids.split(",").filter(Boolean)) {
      get<RunDetails>(`runs/${encodeURIComponent(id)}`, abort.signal).then(
        (details) => setKnown((before) => new Map(before).set(id, { details, problem: undefined })),
        (error: Error) => {
          if (!abort.signal.aborted)
            setKnown((before) => new Map(before).set(id, { details: before.get(id)?.details, problem: error.message }));
        },
      );
    }
    return () => abort.abort();
  }, [ids, version]);
  return runs.map((run) => ({ run, details: known.get(run.id)?.details, problem: known.get(run.id)?.problem }));
}
