/** The small files of a run directory: configuration, overrides, checkpoints. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { numberOf, textOf } from "./event-lines.ts";
import type { Checkpoint, ConfigEntry, RunEvent } from "./protocol.ts";
import { readSmallFile } from "./safe-file.ts";

export interface RunConfiguration {
  readonly entries: readonly ConfigEntry[];
  readonly problem: string | null;
}

export async function readConfiguration(directory: string): Promise<RunConfiguration> {
  const text = await readSmallFile(directory, join(directory, "config.yaml"));
  if (text === undefined) return { entries: [], problem: "There is no config.yaml in this run's folder." };
  try {
    const entries: [string, string][] = [];
    flatten(parse(text), "", entries, 0);
    return { entries, problem: null };
  } catch (error) {
    return { entries: [], problem: `config.yaml: ${(error as Error).message}` };
  }
}

/** Deeper than any configuration; a file that refers to itself ends here. */
const MAX_DEPTH = 20;

/** `{ model: { layers: 2 } }` to `model.layers = 2`; lists of plain values stay together. */
function flatten(value: unknown, key: string, into: [string, string][], depth: number): void {
  const isList = Array.isArray(value);
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) {
    into.push([key, typeof value === "string" ? value : JSON.stringify(value)]);
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0 || (isList && value.every((item) => typeof item !== "object" || item === null))) {
    into.push([key, JSON.stringify(value)]);
    return;
  }
  for (const [name, inner] of entries) {
    flatten(inner, isList ? `${key}[${name}]` : key === "" ? name : `${key}.${name}`, into, depth + 1);
  }
}

async function readJson(directory: string, ...path: string[]): Promise<Record<string, unknown>> {
  const text = await readSmallFile(directory, join(directory, ...path));
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const CHECKPOINT = /^step-(\d+)$/;

/** Names of the checkpoint folders, in order. */
export async function listCheckpoints(directory: string): Promise<string[]> {
  const entries = await readdir(join(directory, "checkpoints"), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && CHECKPOINT.test(entry.name))
    .map(({ name }) => name)
    .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)));
}

/** What each checkpoint's own manifest says, with when it was saved from the events. */
export async function readCheckpoints(directory: string, events: readonly RunEvent[]): Promise<Checkpoint[]> {
  const [latest, best] = await Promise.all([
    readJson(directory, "checkpoints", "latest.json"),
    readJson(directory, "checkpoints", "best.json"),
  ]);
  const saved = new Map(
    events.filter(({ event }) => event === "training.checkpoint").map((event) => [event.data["step"], event]),
  );
  return await Promise.all(
    (await listCheckpoints(directory)).map(async (name) => {
      const manifest = await readJson(directory, "checkpoints", name, "manifest.json");
      const listed: readonly unknown[] = Array.isArray(manifest["files"]) ? manifest["files"] : [];
      const files = listed.flatMap((file) => {
        const { name: fileName, size } = (file ?? {}) as Record<string, unknown>;
        return typeof fileName === "string" && typeof size === "number" ? [{ name: fileName, size }] : [];
      });
      const step = numberOf(manifest["step"]) ?? Number(name.slice(5));
      const event = saved.get(step);
      const evaluation = (manifest["evaluation"] ?? {}) as Record<string, unknown>;
      return {
        name,
        step,
        bytes: files.reduce((sum, { size }) => sum + size, 0),
        savedAt: textOf(event?.timestamp),
        durationMs: numberOf(event?.data["durationMs"]),
        lossNats: numberOf(evaluation["lossNats"]),
        isLatest: latest["path"] === name,
        isBest: best["path"] === name,
        files,
      };
    }),
  );
}
