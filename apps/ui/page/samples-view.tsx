import type { ShownRun } from "./chart.tsx";
import { useDetails } from "./each-run.tsx";
import { formatAgo } from "./format.ts";
import { Empty } from "./parts.tsx";

/** What the model wrote as it learned: a row for each step, runs side by side, the newest first. */
export function SamplesView({ runs }: { readonly runs: readonly ShownRun[] }) {
  const loaded = useDetails(runs);
  if (loaded.some(({ details, problem }) => details === undefined && problem === undefined)) {
    return <div class="skeleton tall" role="status" aria-label="Loading" />;
  }
  const all = loaded.flatMap(({ run, details }) => (details?.samples ?? []).map((sample) => ({ run, sample })));
  if (all.length === 0) {
    return (
      <Empty title="No samples">
        <p>
          Set <code>training.sampleEverySteps</code> to let a run write a sample every so many steps.
        </p>
      </Empty>
    );
  }
  const rows = new Map<string, typeof all>();
  for (const one of all) {
    const key = `${one.sample.kind === "completion" ? 1 : 0} ${String(one.sample.step ?? 0).padStart(12, "0")}`;
    rows.set(key, [...(rows.get(key) ?? []), one]);
  }
  return (
    <ol class="samples">
      {[...rows]
        .sort()
        .reverse()
        .map(([key, samples]) => {
          const [first] = samples;
          return (
            <li key={key}>
              <h2>
                {first?.sample.kind === "completion" ? "At the end, step " : "Step "}
                {first?.sample.step?.toLocaleString("en-US") ?? "unknown"}
                <span class="quiet">{first !== undefined && formatAgo(first.sample.timestamp, Date.now())}</span>
              </h2>
              <div class="side-by-side">
                {samples.map(({ run, sample }) => (
                  <figure key={`${run.id} ${sample.timestamp}`}>
                    {runs.length > 1 && (
                      <figcaption>
                        <i class="swatch" style={{ background: run.colour }} /> {run.name}
                      </figcaption>
                    )}
                    <pre>{sample.text}</pre>
                  </figure>
                ))}
              </div>
            </li>
          );
        })}
    </ol>
  );
}
