import type { ShownRun } from "./chart.tsx";
import { useDetails } from "./each-run.tsx";
import { Empty, Scroll } from "./parts.tsx";
import { route, setParams } from "./route.ts";

/** The effective configurations, side by side; of several runs only what differs, unless everything is asked for. */
export function ConfigView({ runs }: { readonly runs: readonly ShownRun[] }) {
  const loaded = useDetails(runs);
  const { params } = route.value;
  const isComparison = runs.length > 1;
  const onlyDifferences = isComparison && params.get("keys") !== "all";
  const filter = (params.get("key") ?? "").toLowerCase();
  const configs = loaded.map(({ details }) => new Map(details?.config ?? []));
  const keys = [...new Set(configs.flatMap((config) => [...config.keys()]))];
  const isLoading = loaded.some(({ details, problem }) => details === undefined && problem === undefined);
  const differs = (key: string): boolean => new Set(configs.map((config) => config.get(key))).size > 1;
  const differing = isComparison ? keys.filter(differs) : [];
  const shown = keys.filter(
    (key) =>
      (!onlyDifferences || differing.includes(key)) &&
      (filter === "" ||
        key.toLowerCase().includes(filter) ||
        configs.some((config) => config.get(key)?.toLowerCase().includes(filter))),
  );
  return (
    <>
      <div class="controls">
        <input
          type="search"
          placeholder="Filter keys and values"
          aria-label="Filter keys and values"
          value={params.get("key") ?? ""}
          onInput={({ currentTarget }) => setParams({ key: currentTarget.value })}
        />
        {isComparison && (
          <label class="check">
            <input
              type="checkbox"
              checked={onlyDifferences}
              onChange={({ currentTarget }) => setParams({ keys: currentTarget.checked ? null : "all" })}
            />
            <span>Only differences</span>
          </label>
        )}
        {isComparison && !isLoading && (
          <span class="quiet" role="status">
            {differing.length} of {keys.length} keys differ
          </span>
        )}
      </div>
      {loaded.map(({ run, details, problem }) => {
        const said = problem ?? details?.configProblem ?? undefined;
        return said === undefined ? null : (
          <p key={run.id} class="notice problem">
            {run.id}: {said}
          </p>
        );
      })}
      {isLoading && keys.length === 0 ? (
        <div class="skeleton tall" role="status" aria-label="Loading" />
      ) : shown.length === 0 ? (
        <Empty title={onlyDifferences && filter === "" ? "The configurations are the same" : "Nothing to show"} />
      ) : (
        <Scroll label="Configuration">
          <table class="list config">
            <thead>
              <tr>
                <th scope="col">Key</th>
                {runs.map(({ id, colour }) => (
                  <th key={id} scope="col">
                    <i class="swatch" style={{ background: colour }} /> {id}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((key) => (
                <tr key={key} class={differing.includes(key) && !onlyDifferences ? "differs" : ""}>
                  <th scope="row">
                    <Key name={key} />
                  </th>
                  {configs.map((config, index) => (
                    <td key={runs[index]?.id}>
                      {config.has(key) ? <code>{config.get(key)}</code> : <span class="quiet">not set</span>}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </>
  );
}

function Key({ name }: { readonly name: string }) {
  const dot = name.lastIndexOf(".");
  return (
    <code>
      <span class="quiet">{name.slice(0, dot + 1)}</span>
      {name.slice(dot + 1)}
    </code>
  );
}
