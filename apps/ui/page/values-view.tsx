import type { ShownRun } from "./chart.tsx";
import { formatFixed, metricTitle } from "./format.ts";
import { Empty, Scroll } from "./parts.tsx";
import { runById } from "./server-data.ts";

/** The newest value of every metric, runs side by side: the curves as text. */
export function ValuesView({ runs }: { readonly runs: readonly ShownRun[] }) {
  const rows = new Map<string, Map<string, number>>();
  for (const { id } of runs) {
    for (const { split, metric, dataset, value } of runById(id)?.latest ?? []) {
      const key = JSON.stringify([metric, split, runs.length > 1 ? null : dataset]);
      rows.set(key, (rows.get(key) ?? new Map()).set(id, value));
    }
  }
  if (rows.size === 0) return <Empty title="No values yet">Metrics appear here as they are recorded.</Empty>;
  return (
    <Scroll label="Newest values">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col">Split</th>
            {runs.map(({ id, colour }) => (
              <th key={id} scope="col" class="number">
                <i class="swatch" style={{ background: colour }} /> {id}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {[...rows].sort().map(([key, values]) => {
            const [metric, split] = JSON.parse(key) as [string, string];
            return (
              <tr key={key}>
                <th scope="row">{metricTitle(metric)}</th>
                <td>{split}</td>
                {runs.map(({ id }) => {
                  const value = values.get(id);
                  return (
                    <td key={id} class="number">
                      {value === undefined ? "–" : formatFixed(value)}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  );
}
