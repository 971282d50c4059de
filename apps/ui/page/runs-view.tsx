import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { RunStatus, RunSummary } from "../src/protocol.ts";
import { formatAgo, formatDate, formatDuration, formatFixed, formatNumber } from "./format.ts";
import { durationSeconds, Empty, heldOutLoss, latestOf, Scroll, Status } from "./parts.tsx";
import { link, route, setParams } from "./route.ts";
import { listProblem, runList } from "./server-data.ts";
import { Sparkline } from "./sparkline.tsx";

/** Chosen for comparison; kept while one moves about. */
export const chosen = signal<ReadonlySet<string>>(new Set());

interface Column {
  readonly key: string;
  readonly title: string;
  readonly isNumber?: boolean;
  /** What is sorted by; undefined comes last. */
  readonly value: (run: RunSummary) => string | number | undefined;
  readonly cell: (run: RunSummary) => ComponentChildren;
  /** Greatest first at the first click. */
  readonly descends?: boolean;
}

const COLUMNS: readonly Column[] = [
  {
    key: "name",
    title: "Run",
    value: (run) => run.id,
    cell: (run) => (
      <>
        <a href={link(["curves"], { runs: run.id })}>{run.id}</a>
        <small>{[run.model, run.data].filter(Boolean).join(" on ")}</small>
      </>
    ),
  },
  {
    key: "status",
    title: "Status",
    value: (run) => run.status,
    cell: (run) => <Status status={run.status} title={run.problem ?? undefined} />,
  },
  {
    key: "step",
    title: "Steps",
    isNumber: true,
    descends: true,
    value: (run) => run.step ?? undefined,
    cell: (run) => <Progress run={run} />,
  },
  {
    key: "heldout",
    title: "Held-out loss",
    isNumber: true,
    value: heldOutLoss,
    cell: (run) => {
      const loss = heldOutLoss(run);
      return (
        <span class="with-spark">
          <Sparkline points={run.evaluations} />
          <span>{loss === undefined ? "–" : formatFixed(loss)}</span>
        </span>
      );
    },
  },
  {
    key: "loss",
    title: "Train loss",
    isNumber: true,
    value: (run) => latestOf(run, "train", "loss"),
    cell: (run) => numberOr(latestOf(run, "train", "loss"), formatFixed),
  },
  {
    key: "speed",
    title: "Tokens/s",
    isNumber: true,
    descends: true,
    value: (run) => latestOf(run, "train", "tokens_per_second"),
    cell: (run) => numberOr(latestOf(run, "train", "tokens_per_second"), (value) => formatNumber(value, 3)),
  },
  {
    key: "parameters",
    title: "Parameters",
    isNumber: true,
    descends: true,
    value: (run) => run.parameters ?? undefined,
    cell: (run) => numberOr(run.parameters ?? undefined, (value) => formatNumber(value, 3)),
  },
  {
    key: "duration",
    title: "Duration",
    isNumber: true,
    descends: true,
    value: durationSeconds,
    cell: (run) => numberOr(durationSeconds(run), formatDuration),
  },
  {
    key: "created",
    title: "Started",
    isNumber: true,
    descends: true,
    value: (run) => run.createdAt ?? undefined,
    cell: (run) =>
      run.createdAt === null ? (
        "–"
      ) : (
        <time dateTime={run.createdAt} title={formatDate(run.createdAt)}>
          {formatAgo(run.createdAt, Date.now())}
        </time>
      ),
  },
];

function numberOr(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? "–" : format(value);
}

function Progress({ run }: { readonly run: RunSummary }) {
  if (run.step === null) return <>–</>;
  const isPart = run.maxSteps !== null && run.maxSteps > run.step;
  return (
    <span class="progress">
      <span>
        {run.step.toLocaleString("en-US")}
        {isPart && <span class="quiet"> / {run.maxSteps?.toLocaleString("en-US")}</span>}
      </span>
      {isPart && run.status === "running" && (
        <progress value={run.step} max={run.maxSteps ?? 1} aria-label={`Steps of ${run.id}`} />
      )}
    </span>
  );
}

const STATUSES: readonly RunStatus[] = ["running", "completed", "interrupted", "failed", "unfinished", "unreadable"];

function shownRuns(): RunSummary[] {
  const { params } = route.value;
  const words = (params.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const status = params.get("status");
  const { column, isAscending } = sorting();
  const order = isAscending ? 1 : -1;
  return (runList.value?.runs ?? [])
    .filter((run) => status === null || run.status === status)
    .filter((run) => {
      const text =
        `${run.id} ${run.runId} ${run.model} ${run.data} ${run.status} ${run.device} ${run.gitCommit}`.toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => {
      const [x, y] = [column.value(a), column.value(b)];
      if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1;
      return (x < y ? -1 : x > y ? 1 : a.id < b.id ? -1 : 1) * order;
    });
}

function sorting(): { readonly column: Column; readonly isAscending: boolean } {
  const [key, direction] = (route.value.params.get("sort") ?? "created").split(" ");
  const column = COLUMNS.find((one) => one.key === key) ?? (COLUMNS.at(-1) as Column);
  return { column, isAscending: direction === undefined ? column.descends !== true : direction === "up" };
}

function SortHeader({ column }: { readonly column: Column }) {
  const { column: sorted, isAscending } = sorting();
  const isSorted = sorted === column;
  return (
    <th
      scope="col"
      class={column.isNumber ? "number" : ""}
      aria-sort={isSorted ? (isAscending ? "ascending" : "descending") : "none"}
    >
      <button
        type="button"
        onClick={() => setParams({ sort: isSorted ? `${column.key} ${isAscending ? "down" : "up"}` : column.key })}
      >
        {column.title}
        <i aria-hidden="true">{isSorted ? (isAscending ? "↑" : "↓") : ""}</i>
      </button>
    </th>
  );
}

export function RunsView() {
  const list = runList.value;
  if (list === null) {
    return listProblem.value === null ? (
      <div class="skeleton tall" role="status" aria-label="Loading" />
    ) : (
      <Empty isPage title="No answer">
        {listProblem.value}
      </Empty>
    );
  }
  if (list.runs.length === 0) {
    return (
      <Empty isPage title="No runs yet">
        <p>
          There is no run directory in <code>{list.root}</code>. Train something, and it appears here while it goes on:
        </p>
        <pre>codex train --config configs/recipes/quickstart.yaml</pre>
      </Empty>
    );
  }
  const { params } = route.value;
  const shown = shownRuns();
  const counts = new Map(STATUSES.map((status) => [status, list.runs.filter((run) => run.status === status).length]));
  const picked = shown.filter(({ id }) => chosen.value.has(id));
  const toggle = (ids: readonly string[], isOn: boolean) => {
    const next = new Set(chosen.value);
    for (const id of ids) isOn ? next.add(id) : next.delete(id);
    chosen.value = next;
  };
  return (
    <>
      <div class="title">
        <h1>Runs</h1>
        <span class="quiet">
          {list.runs.length} in <code>{list.root}</code>
        </span>
      </div>
      <div class="controls">
        <input
          type="search"
          placeholder="Search runs"
          aria-label="Search runs"
          value={params.get("q") ?? ""}
          onInput={({ currentTarget }) => setParams({ q: currentTarget.value })}
        />
        <fieldset class="segments">
          <legend class="hidden">Status</legend>
          {[null, ...STATUSES.filter((status) => (counts.get(status) ?? 0) > 0)].map((status) => (
            <label key={status}>
              <input
                type="radio"
                name="status"
                checked={params.get("status") === status}
                onChange={() => setParams({ status })}
              />
              <span>
                {status === null ? "All" : `${status.charAt(0).toUpperCase()}${status.slice(1)} ${counts.get(status)}`}
              </span>
            </label>
          ))}
        </fieldset>
        <span class="spring" />
        <button
          type="button"
          class="primary"
          disabled={picked.length === 0}
          onClick={() => {
            location.hash = link(["curves"], { runs: picked.map(({ id }) => id).join(",") });
          }}
        >
          {picked.length > 1
            ? `Compare ${picked.length} runs`
            : picked.length === 1
              ? "Open 1 run"
              : "Choose runs to compare"}
        </button>
      </div>
      {shown.length === 0 ? (
        <Empty title="No run matches">
          <button type="button" onClick={() => setParams({ q: null, status: null })}>
            Show all runs
          </button>
        </Empty>
      ) : (
        <Scroll label="Runs">
          <table class="list">
            <thead>
              <tr>
                <th scope="col" class="tick">
                  <input
                    type="checkbox"
                    aria-label="Choose all shown runs"
                    checked={picked.length === shown.length}
                    ref={(box) => {
                      if (box !== null) box.indeterminate = picked.length > 0 && picked.length < shown.length;
                    }}
                    onChange={({ currentTarget }) =>
                      toggle(
                        shown.map(({ id }) => id),
                        currentTarget.checked,
                      )
                    }
                  />
                </th>
                {COLUMNS.map((column) => (
                  <SortHeader key={column.key} column={column} />
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((run) => (
                <tr key={run.id} class={chosen.value.has(run.id) ? "chosen" : ""}>
                  <td class="tick">
                    <input
                      type="checkbox"
                      aria-label={`Choose ${run.id}`}
                      checked={chosen.value.has(run.id)}
                      onChange={({ currentTarget }) => toggle([run.id], currentTarget.checked)}
                    />
                  </td>
                  {COLUMNS.map((column) => (
                    <td key={column.key} class={column.isNumber ? "number" : `col-${column.key}`}>
                      {column.cell(run)}
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
