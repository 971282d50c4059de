import "uplot/dist/uPlot.min.css";
import "./style.css";
import { effect } from "@preact/signals";
import { render } from "preact";
import { BOARD_VIEWS, BoardView, boardTitle } from "./board-view.tsx";
import { Empty } from "./parts.tsx";
import { link, route } from "./route.ts";
import { RunsView } from "./runs-view.tsx";
import { connect, connection, listProblem, refreshList } from "./server-data.ts";
import { SessionsView } from "./sessions-view.tsx";
import { type Theme, theme } from "./theme.ts";

const THEMES: readonly (readonly [Theme, string, string])[] = [
  ["auto", "◐", "As the system"],
  ["light", "☀", "Light"],
  ["dark", "☾", "Dark"],
];

function View() {
  const [view = "runs", id] = route.value.path;
  if (view === "runs") return <RunsView />;
  if (view === "sessions") return <SessionsView id={id} />;
  if (BOARD_VIEWS.has(view)) return <BoardView view={view} />;
  return (
    <Empty isPage title="There is no such view">
      <a href={link(["runs"])}>Go to the runs</a>
    </Empty>
  );
}

function App() {
  const [view = "runs"] = route.value.path;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <a class="brand" href={link(["runs"])}>
          <img src="/icon.svg" alt="" width="22" height="22" /> Codex
        </a>
        <nav aria-label="Main">
          <a href={link(["runs"])} aria-current={view !== "sessions" ? "page" : undefined}>
            Runs
          </a>
          <a href={link(["sessions"])} aria-current={view === "sessions" ? "page" : undefined}>
            Sessions
          </a>
        </nav>
        <span class="spring" />
        <span class={`connection ${connection.value}`} role="status">
          <i aria-hidden="true" />
          {connection.value === "live" ? "Live" : connection.value === "lost" ? "Not connected" : "Connecting"}
        </span>
        <fieldset class="segments themes">
          <legend class="hidden">Colours of the page</legend>
          {THEMES.map(([name, mark, title]) => (
            <label key={name} title={title}>
              <input
                type="radio"
                name="theme"
                aria-label={title}
                checked={theme.value === name}
                onChange={() => (theme.value = name)}
              />
              <span aria-hidden="true">{mark}</span>
            </label>
          ))}
        </fieldset>
      </header>
      {connection.value === "lost" && (
        <div class="banner" role="alert">
          The server does not answer. What you see is as it was; the page goes on by itself when it is back.
          <button type="button" onClick={() => void refreshList()}>
            Try again
          </button>
        </div>
      )}
      {listProblem.value !== null && connection.value === "live" && (
        <div class="banner" role="alert">
          {listProblem.value}
        </div>
      )}
      <main id="main" tabIndex={-1}>
        <View />
      </main>
    </>
  );
}

effect(() => {
  const [view = "runs", id] = route.value.path;
  const title = view === "sessions" ? (id ?? "Sessions") : BOARD_VIEWS.has(view) ? boardTitle() : "Runs";
  document.title = `${title} · Codex`;
});
connect();
render(<App />, document.getElementById("app") as HTMLElement);
