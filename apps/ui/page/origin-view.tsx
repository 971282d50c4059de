import type { ShownRun } from "./chart.tsx";
import { useDetails } from "./each-run.tsx";
import { formatBytes } from "./format.ts";

/** Where a run comes from: the command, the commit, the machine, the versions, the data. */
export function OriginView({ runs }: { readonly runs: readonly ShownRun[] }) {
  const loaded = useDetails(runs);
  return (
    <>
      {loaded.map(({ run, details, problem }) => {
        const manifest = details?.manifest ?? {};
        const sections = Object.entries(manifest).filter(([, value]) => typeof value === "object" && value !== null);
        return (
          <section key={run.id} class="block">
            {runs.length > 1 && (
              <h2>
                <i class="swatch" style={{ background: run.colour }} /> {run.name}
              </h2>
            )}
            {problem !== undefined && <p class="notice problem">{problem}</p>}
            {details === undefined && problem === undefined && (
              <div class="skeleton tall" role="status" aria-label="Loading" />
            )}
            {details !== undefined && (
              <>
                {details.badLines.map(({ file, count, first }) => (
                  <p key={file} class="notice">
                    {file}: {count} {count === 1 ? "line is" : "lines are"} no record and {count === 1 ? "was" : "were"}{" "}
                    passed over; the first is line {first}.
                  </p>
                ))}
                <dl class="pairs">
                  <Pair name="directory" value={details.directory} />
                  {Array.isArray(manifest["command"]) && (
                    <Pair name="command" value={(manifest["command"] as string[]).join(" ")} />
                  )}
                  {details.overrides.trim() !== "" && <Pair name="overrides" value={details.overrides.trim()} />}
                </dl>
                {sections
                  .filter(([name]) => name !== "command" && name !== "data")
                  .map(([name, value]) => (
                    <details key={name} open={name !== "packages"} class="pairs-of">
                      <summary>
                        <h3>{name.replaceAll("_", " ")}</h3>
                      </summary>
                      <dl class="pairs">
                        {Object.entries(value as Record<string, unknown>).map(([key, inner]) => (
                          <Pair
                            key={key}
                            name={key}
                            value={key.endsWith("bytes") && typeof inner === "number" ? formatBytes(inner) : inner}
                          />
                        ))}
                      </dl>
                    </details>
                  ))}
                {Array.isArray(manifest["data"]) && (
                  <details class="pairs-of">
                    <summary>
                      <h3>data</h3> <span class="quiet">{manifest["data"].length} files</span>
                    </summary>
                    <dl class="pairs">
                      {(manifest["data"] as readonly Record<string, unknown>[]).slice(0, 500).map((file) => (
                        <Pair
                          key={String(file["path"])}
                          name={String(file["path"])}
                          value={`${formatBytes(Number(file["bytes"]))}, sha256 ${String(file["sha256"]).slice(0, 12)}`}
                        />
                      ))}
                    </dl>
                  </details>
                )}
              </>
            )}
          </section>
        );
      })}
    </>
  );
}

function Pair({ name, value }: { readonly name: string; readonly value: unknown }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{typeof value === "string" ? value : JSON.stringify(value)}</dd>
    </div>
  );
}
