import type { ShownRun } from "./chart.tsx";
import { useDetails } from "./each-run.tsx";
import { formatBytes, formatDate, formatDuration, formatFixed } from "./format.ts";
import { Empty, Scroll } from "./parts.tsx";

export function CheckpointsView({ runs }: { readonly runs: readonly ShownRun[] }) {
  const loaded = useDetails(runs);
  if (loaded.some(({ details, problem }) => details === undefined && problem === undefined)) {
    return <div class="skeleton tall" role="status" aria-label="Loading" />;
  }
  return (
    <>
      {loaded.map(({ run, details, problem }) => (
        <section key={run.id} class="block">
          {runs.length > 1 && (
            <h2>
              <i class="swatch" style={{ background: run.colour }} /> {run.name}
            </h2>
          )}
          {problem !== undefined && <p class="notice problem">{problem}</p>}
          {details?.checkpoints.length === 0 && <Empty title="No checkpoints" />}
          {details !== undefined && details.checkpoints.length > 0 && (
            <Scroll label={`Checkpoints of ${run.name}`}>
              <table class="list">
                <thead>
                  <tr>
                    <th scope="col">Checkpoint</th>
                    <th scope="col" class="number">
                      Step
                    </th>
                    <th scope="col" class="number">
                      Held-out loss
                    </th>
                    <th scope="col" class="number">
                      Size
                    </th>
                    <th scope="col" class="number">
                      Saved
                    </th>
                    <th scope="col" class="number">
                      Took
                    </th>
                    <th scope="col">Files</th>
                  </tr>
                </thead>
                <tbody>
                  {details.checkpoints.toReversed().map((checkpoint) => (
                    <tr key={checkpoint.name}>
                      <th scope="row">
                        <code>{checkpoint.name}</code>
                        {checkpoint.isBest && <span class="tag good">best</span>}
                        {checkpoint.isLatest && <span class="tag">latest</span>}
                      </th>
                      <td class="number">{checkpoint.step.toLocaleString("en-US")}</td>
                      <td class="number">{checkpoint.lossNats === null ? "–" : formatFixed(checkpoint.lossNats)}</td>
                      <td class="number">{formatBytes(checkpoint.bytes)}</td>
                      <td class="number">{checkpoint.savedAt === null ? "–" : formatDate(checkpoint.savedAt)}</td>
                      <td class="number">
                        {checkpoint.durationMs === null ? "–" : formatDuration(checkpoint.durationMs / 1000)}
                      </td>
                      <td>
                        <details>
                          <summary>{checkpoint.files.length} files</summary>
                          <ul class="files">
                            {checkpoint.files.map(({ name, size }) => (
                              <li key={name}>
                                <code>{name}</code> <span class="quiet">{formatBytes(size)}</span>
                              </li>
                            ))}
                          </ul>
                        </details>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Scroll>
          )}
        </section>
      ))}
    </>
  );
}
