/** One run, or several side by side: the list of them on the left, curves and the rest on the right. */
import { useState } from "preact/hooks";
import type { RunSummary } from "../src/protocol.ts";
import type { ShownRun } from "./chart.tsx";
import { CheckpointsView } from "./checkpoints-view.tsx";
import { runColour } from "./colours.ts";
import { ConfigView } from "./config-view.tsx";
import { CurvesView } from "./curves-view.tsx";
import { EventsView } from "./events-view.tsx";
import { formatDate, formatDuration, formatFixed, formatNumber } from "./format.ts";
import { OriginView } from "./origin-view.tsx";
import { durationSeconds, Empty, heldOutLoss, latestOf, Status } from "./parts.tsx";
import { hiddenRuns, link, route, sameRuns, selectedRuns, setParams } from "./route.ts";
import { SamplesView } from "./samples-view.tsx";
import { runById, runList } from "./server-data.ts";
import { isDark } from "./theme.ts";
import { ValuesView } from "./values-view.tsx";

const TABS = [
  ["curves", "Curves"],
  ["values", "Values"],
  ["config", "Configuration"],
  ["samples", "Samples"],
  ["checkpoints", "Checkpoints"],
  ["events", "Events"],
  ["origin", "Origin"],
] as const;

export const BOARD_VIEWS: ReadonlySet<string> = new Set(TABS.map(([view]) => view));

export function BoardView({ view }: { readonly view: string }) {
  const ids = selectedRuns.value;
  if (runList.value === null) return <div class="skeleton tall" role="status" aria-label="Loading" />;
  const runs = ids.flatMap((id) => runById(id) ?? []);
  if (runs.length === 0) {
    return (
      <Empty isPage title={ids.length === 0 ? "No run is chosen" : "This run is not here"}>
        <p>
          {ids.length > 0 && (
            <>
              There is no {ids.join(", ")} in <code>{runList.value.root}</code>.{" "}
            </>
          )}
          <a href={link(["runs"])}>Choose from the list of runs</a>
        </p>
      </Empty>
    );
  }
  const shown: ShownRun[] = runs.map(({ id }, index) => ({ id, name: id, colour: runColour(index, isDark.value) }));
  const visible = shown.filter(({ id }) => !hiddenRuns.value.has(id));
  const [only] = runs;
  return (
    <div class="board">
      <Legend runs={shown} />
      <div class="content">
        {runs.length === 1 && only !== undefined ? (
          <RunHeader run={only} />
        ) : (
          <div class="title">
            <h1>{runs.length} runs</h1>
          </div>
        )}
        <nav class="tabs" aria-label="Views of these runs">
          {TABS.map(([tab, title]) => (
            <a key={tab} href={sameRuns(tab)} aria-current={view === tab ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        {view === "curves" && <CurvesView runs={visible} all={runs.map(({ id }) => id)} />}
        {view === "values" && <ValuesView runs={visible} />}
        {view === "config" && <ConfigView runs={visible} />}
        {view === "samples" && <SamplesView runs={visible} />}
        {view === "checkpoints" && <CheckpointsView runs={visible} />}
        {view === "events" && <EventsView runs={visible} />}
        {view === "origin" && <OriginView runs={visible} />}
      </div>
    </div>
  );
}

function RunHeader({ run }: { readonly run: RunSummary }) {
  const seconds = durationSeconds(run);
  const loss = heldOutLoss(run);
  const speed = latestOf(run, "train", "tokens_per_second");
  const facts: readonly (readonly [string, string | undefined])[] = [
    [
      "Steps",
      run.step === null
        ? undefined
        : `${run.step.toLocaleString("en-US")}${run.maxSteps !== null && run.maxSteps !== run.step ? ` of ${run.maxSteps.toLocaleString("en-US")}` : ""}`,
    ],
    ["Held-out loss", loss === undefined ? undefined : formatFixed(loss)],
    ["Tokens/s", speed === undefined ? undefined : formatNumber(speed, 3)],
    ["Parameters", run.parameters === null ? undefined : formatNumber(run.parameters, 3)],
    ["Duration", seconds === undefined ? undefined : formatDuration(seconds)],
    ["Started", run.createdAt === null ? undefined : formatDate(run.createdAt)],
    ["Device", run.device ?? undefined],
    ["Commit", run.gitCommit === null ? undefined : `${run.gitCommit.slice(0, 8)}${run.gitDirty ? ", changed" : ""}`],
  ];
  return (
    <>
      <div class="title">
        <h1>{run.id}</h1>
        <Status status={run.status} />
        <span class="quiet">{[run.model, run.data].filter(Boolean).join(" on ")}</span>
      </div>
      {run.problem !== null && <p class="notice problem">{run.problem}</p>}
      <dl class="facts">
        {facts.map(
          ([name, value]) =>
            value !== undefined && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
    </>
  );
}

/** The shown runs with their colours; each can be hidden or taken out, and others added. */
function Legend({ runs }: { readonly runs: readonly ShownRun[] }) {
  const hidden = hiddenRuns.value;
  const ids = runs.map(({ id }) => id);
  const toggle = (id: string) => {
    const next = new Set(hidden);
    if (!next.delete(id)) next.add(id);
    setParams({ hide: [...next].join(",") });
  };
  return (
    <aside class="legend" aria-label="Shown runs">
      <header>
        <h2>Shown</h2>
        {runs.length > 1 && (
          <button
            type="button"
            class="text"
            onClick={() => setParams({ hide: hidden.size > 0 ? null : ids.join(",") })}
          >
            {hidden.size > 0 ? "Show all" : "Hide all"}
          </button>
        )}
      </header>
      <ul>
        {runs.map(({ id, colour }) => {
          const run = runById(id);
          return (
            <li key={id} class={hidden.has(id) ? "off" : ""}>
              <label title={id}>
                <input type="checkbox" checked={!hidden.has(id)} onChange={() => toggle(id)} />
                <i class="swatch" style={{ background: colour }} />
                <span>{id}</span>
              </label>
              {run?.status === "running" && <i class="pulse" title="Running" />}
              {runs.length > 1 && (
                <button
                  type="button"
                  class="icon"
                  aria-label={`Take out ${id}`}
                  title="Take out"
                  onClick={() => setParams({ runs: ids.filter((other) => other !== id).join(",") }, { replace: false })}
                >
                  ×
                </button>
              )}
            </li>
          );
        })}
      </ul>
      <AddRun shown={ids} />
    </aside>
  );
}

function AddRun({ shown }: { readonly shown: readonly string[] }) {
  const [text, setText] = useState("");
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const others = (runList.value?.runs ?? [])
    .filter(
      ({ id, model }) => !shown.includes(id) && words.every((word) => `${id} ${model}`.toLowerCase().includes(word)),
    )
    .sort((a, b) => ((a.createdAt ?? "") < (b.createdAt ?? "") ? 1 : -1));
  if (text === "" && others.length === 0) return null;
  return (
    <div class="add">
      <input
        type="search"
        placeholder="Add a run"
        aria-label="Search a run to add"
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <ul>
        {others.slice(0, text === "" ? 5 : 20).map(({ id }) => (
          <li key={id}>
            <button
              type="button"
              class="text"
              title={id}
              onClick={() => {
                setText("");
                setParams({ runs: [...shown, id].join(",") }, { replace: false });
              }}
            >
              + {id}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function boardTitle(): string {
  const ids = selectedRuns.value;
  const [view] = route.value.path;
  const tab = TABS.find(([name]) => name === view)?.[1] ?? "";
  return `${ids.length === 1 ? ids[0] : `${ids.length} runs`} · ${tab}`;
}
