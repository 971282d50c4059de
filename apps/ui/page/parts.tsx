/** Small parts that several views share. */
import type { ComponentChildren } from "preact";
import type { RunStatus, RunSummary } from "../src/protocol.ts";

const STATUS_NAMES: Readonly<Record<RunStatus, string>> = {
  running: "Running",
  completed: "Completed",
  interrupted: "Interrupted",
  failed: "Failed",
  unfinished: "Unfinished",
  unreadable: "Unreadable",
};

/** A shape for each status, so that colour is not the only difference. */
const STATUS_MARKS: Readonly<Record<RunStatus, string>> = {
  running: "●",
  completed: "✓",
  interrupted: "‖",
  failed: "✕",
  unfinished: "○",
  unreadable: "!",
};

export function Status({ status, title }: { readonly status: RunStatus; readonly title?: string | undefined }) {
  return (
    <span class={`status ${status}`} title={title}>
      <i aria-hidden="true">{STATUS_MARKS[status]}</i>
      {STATUS_NAMES[status]}
    </span>
  );
}

/** Why there is nothing to see. @param props.isPage - it stands for the whole view, which has no other heading */
export function Empty(props: {
  readonly title: string;
  readonly isPage?: boolean;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      {props.isPage === true ? <h1>{props.title}</h1> : <h2>{props.title}</h2>}
      {props.children}
    </div>
  );
}

/** A wide table, which the arrow keys scroll once it has the focus. */
export function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached with the keyboard.
    <section class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

export function latestOf(run: RunSummary, split: string, metric: string): number | undefined {
  return run.latest.find((one) => one.split === split && one.metric === metric)?.value;
}

/** The newest held-out loss: from the events of evaluations, which are all known, or else from the metrics. */
export function heldOutLoss(run: RunSummary): number | undefined {
  return run.evaluations.at(-1)?.[1] ?? latestOf(run, "validation", "loss");
}

export function durationSeconds(run: RunSummary): number | undefined {
  if (run.createdAt === null || run.updatedAt === null) return undefined;
  return (Date.parse(run.updatedAt) - Date.parse(run.createdAt)) / 1000;
}

/** A text with what was searched for marked. */
export function Marked({ text, words }: { readonly text: string; readonly words: string }) {
  const wanted = words.trim().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return <>{text}</>;
  const pattern = new RegExp(`(${wanted.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
  return <>{text.split(pattern).map((part, index) => (index % 2 === 1 ? <mark key={index}>{part}</mark> : part))}</>;
}
