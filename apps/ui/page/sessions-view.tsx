import type { SessionEvent, SessionList, SessionPage, SessionSearch } from "../src/protocol.ts";
import { formatAgo, formatBytes, formatClock, formatDate } from "./format.ts";
import { Empty, Marked } from "./parts.tsx";
import { useResource } from "./resource.ts";
import { link, route, setParams } from "./route.ts";
import { sessionsVersion } from "./server-data.ts";

const ROLES = ["user", "assistant", "tool", "system"];
const PAGE = 200;

/** Transcripts: the list of sessions, a search through all of them, and what was said in one. */
export function SessionsView({ id }: { readonly id: string | undefined }) {
  const { params } = route.value;
  const text = params.get("q") ?? "";
  const role = params.get("role") ?? "";
  const version = sessionsVersion.value;
  const { value: list, problem } = useResource<SessionList>("sessions", version);
  const isSearch = text.trim() !== "" || role !== "";
  const query = new URLSearchParams({ text, role }).toString();
  const search = useResource<SessionSearch>(isSearch && id === undefined ? `session-search?${query}` : null, version);
  if (problem !== undefined)
    return (
      <Empty isPage title="No answer">
        {problem}
      </Empty>
    );
  if (list === undefined) return <div class="skeleton tall" role="status" aria-label="Loading" />;
  if (list.sessions.length === 0) {
    return (
      <Empty isPage title="No sessions yet">
        <p>
          Transcripts of scripts and agents are read from <code>{list.directory}</code>.
        </p>
      </Empty>
    );
  }
  return (
    <div class="board">
      <aside class="legend sessions" aria-label="Sessions">
        <header>
          <h2>Sessions</h2>
          <span class="quiet">{list.sessions.length}</span>
        </header>
        <ul>
          {list.sessions.map((session) => (
            <li key={session.id}>
              <a
                href={link(["sessions", session.id], { q: text, role })}
                aria-current={session.id === id ? "page" : undefined}
              >
                <strong>{session.title || session.id}</strong>
                <small>
                  {session.updatedAt !== null && formatAgo(session.updatedAt, Date.now())} ·{" "}
                  {formatBytes(session.bytes)}
                  {session.exitCode !== null && session.exitCode !== 0 && (
                    <span class="tag error">exit {session.exitCode}</span>
                  )}
                  {!session.ended && <span class="tag">open</span>}
                </small>
              </a>
            </li>
          ))}
        </ul>
      </aside>
      <div class="content">
        <div class="title">
          <h1>{id ?? "Sessions"}</h1>
          {id !== undefined && <a href={link(["sessions"], { q: text, role })}>Search all sessions</a>}
        </div>
        <div class="controls">
          <input
            type="search"
            placeholder={id === undefined ? "Search all transcripts" : "Search this transcript"}
            aria-label={id === undefined ? "Search all transcripts" : "Search this transcript"}
            value={text}
            onInput={({ currentTarget }) => setParams({ q: currentTarget.value, page: null })}
          />
          <select
            aria-label="Role"
            value={role}
            onChange={({ currentTarget }) => setParams({ role: currentTarget.value, page: null })}
          >
            <option value="">All roles</option>
            {ROLES.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
          {id === undefined && isSearch && search.value !== undefined && (
            <span class="quiet" role="status">
              {search.value.complete ? "" : "the first "}
              {search.value.hits.length} messages
            </span>
          )}
        </div>
        {id !== undefined ? (
          <Transcript id={id} text={text} role={role} version={version} />
        ) : !isSearch ? (
          <Empty title="Choose a session, or search all of them" />
        ) : search.problem !== undefined ? (
          <p class="notice problem">{search.problem}</p>
        ) : search.value?.hits.length === 0 ? (
          <Empty title="No message matches" />
        ) : (
          <ol class="transcript">
            {(search.value?.hits ?? []).map((hit) => (
              <Message key={`${hit.session} ${hit.line}`} event={hit} words={text} session={hit.session} />
            ))}
          </ol>
        )}
      </div>
    </div>
  );
}

function Transcript({
  id,
  text,
  role,
  version,
}: {
  readonly id: string;
  readonly text: string;
  readonly role: string;
  readonly version: number;
}) {
  const offset = Number(route.value.params.get("page") ?? 0) * PAGE;
  const query = new URLSearchParams({ text, role, offset: String(offset), limit: String(PAGE) });
  const { value: page, problem } = useResource<SessionPage>(`sessions/${encodeURIComponent(id)}?${query}`, version);
  if (problem !== undefined) return <Empty title="This session is not here">{problem}</Empty>;
  if (page === undefined) return <div class="skeleton tall" role="status" aria-label="Loading" />;
  const pages = Math.ceil(page.matching / PAGE);
  const current = Math.floor(offset / PAGE);
  return (
    <>
      {page.badLines > 0 && <p class="notice">{page.badLines} lines are no events and were passed over.</p>}
      {page.events.length === 0 && <Empty title="No message matches" />}
      <ol class="transcript">
        {page.events.map((event) => (
          <Message key={event.line} event={event} words={text} />
        ))}
      </ol>
      {pages > 1 && (
        <nav class="pages" aria-label="Pages">
          <button type="button" disabled={current === 0} onClick={() => setParams({ page: String(current - 1) })}>
            Earlier
          </button>
          <span class="quiet">
            {offset + 1} to {Math.min(page.matching, offset + PAGE)} of {page.matching}
          </span>
          <button
            type="button"
            disabled={current >= pages - 1}
            onClick={() => setParams({ page: String(current + 1) })}
          >
            Later
          </button>
        </nav>
      )}
    </>
  );
}

function Message({
  event,
  words,
  session,
}: {
  readonly event: SessionEvent;
  readonly words: string;
  readonly session?: string;
}) {
  const { timestamp, type, role, level, message, metadata } = event;
  const details =
    metadata === null || (typeof metadata === "object" && Object.keys(metadata).length === 0) ? null : metadata;
  const isMark = type !== "event";
  return (
    <li class={`${role} ${isMark ? "mark" : ""} ${level}`}>
      <header>
        <span class={`role ${role}`}>{isMark ? (type === "session_start" ? "start" : "end") : role}</span>
        {level !== "info" && <span class={`tag ${level}`}>{level}</span>}
        {session !== undefined && <a href={link(["sessions", session], { q: words })}>{session}</a>}
        <time dateTime={timestamp} title={formatDate(timestamp)}>
          {formatDate(timestamp).slice(0, 10)} {formatClock(timestamp)}
        </time>
      </header>
      {message !== "" && (
        <p>
          <Marked text={message} words={words} />
        </p>
      )}
      {details !== null && (
        <details>
          <summary>Details</summary>
          <pre>{JSON.stringify(details, null, 2)}</pre>
        </details>
      )}
    </li>
  );
}
