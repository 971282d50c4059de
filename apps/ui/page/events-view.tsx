import type { EventPage, RunEvent } from "../src/protocol.ts";
import type { ShownRun } from "./chart.tsx";
import { formatClock, formatDate } from "./format.ts";
import { Empty, Marked } from "./parts.tsx";
import { useResource } from "./resource.ts";
import { route, setParams } from "./route.ts";
import { runVersion } from "./server-data.ts";

const LEVELS = ["info", "warning", "error"];

/** Everything that happened in a run and is no metric, the newest first. */
export function EventsView({ runs }: { readonly runs: readonly ShownRun[] }) {
  const { params } = route.value;
  const run = runs.find(({ id }) => id === params.get("of")) ?? runs[0];
  const [text, level, limit] = [
    params.get("text") ?? "",
    params.get("level") ?? "",
    Number(params.get("limit") ?? 200),
  ];
  const query = new URLSearchParams({ text, level, limit: String(limit) });
  const { value: page, problem } = useResource<EventPage>(
    run === undefined ? null : `runs/${encodeURIComponent(run.id)}/events?${query}`,
    run === undefined ? 0 : runVersion(run.id).value,
  );
  if (run === undefined) return <Empty title="All runs are hidden" />;
  return (
    <>
      <div class="controls">
        {runs.length > 1 && (
          <select
            aria-label="Run"
            value={run.id}
            onChange={({ currentTarget }) => setParams({ of: currentTarget.value })}
          >
            {runs.map(({ id }) => (
              <option key={id} value={id}>
                {id}
              </option>
            ))}
          </select>
        )}
        <input
          type="search"
          placeholder="Search events"
          aria-label="Search events"
          value={text}
          onInput={({ currentTarget }) => setParams({ text: currentTarget.value })}
        />
        <select
          aria-label="Level"
          value={level}
          onChange={({ currentTarget }) => setParams({ level: currentTarget.value })}
        >
          <option value="">All levels</option>
          {LEVELS.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        {page !== undefined && (
          <span class="quiet" role="status">
            {page.matching === page.total ? `${page.total} events` : `${page.matching} of ${page.total} events`}
          </span>
        )}
      </div>
      {problem !== undefined && <p class="notice problem">{problem}</p>}
      {page === undefined && problem === undefined && <div class="skeleton tall" role="status" aria-label="Loading" />}
      {page?.events.length === 0 && <Empty title={page.total === 0 ? "No events" : "No event matches"} />}
      {page !== undefined && page.events.length > 0 && (
        <ol class="events">
          {page.events.map((event, index) => (
            <Event key={`${event.timestamp} ${page.matching - index}`} event={event} words={text} />
          ))}
        </ol>
      )}
      {page !== undefined && page.events.length < page.matching && limit < 1000 && (
        <button type="button" onClick={() => setParams({ limit: String(Math.min(1000, limit * 2)) })}>
          Show more
        </button>
      )}
    </>
  );
}

function Event({
  event: { timestamp, level, event, data },
  words,
}: {
  readonly event: RunEvent;
  readonly words: string;
}) {
  const entries = Object.entries(data);
  return (
    <li class={level}>
      <time dateTime={timestamp} title={formatDate(timestamp)}>
        {formatClock(timestamp)}
      </time>
      <strong>
        {level !== "info" && <span class={`tag ${level}`}>{level}</span>}
        <Marked text={event} words={words} />
      </strong>
      <dl>
        {entries.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd>
              <Marked text={typeof value === "string" ? value : JSON.stringify(value)} words={words} />
            </dd>
          </div>
        ))}
      </dl>
    </li>
  );
}
