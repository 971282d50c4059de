import { type EntryPointReport, type PluginReport, pluginSource } from "./discover.ts";
import { loadTarget, resolveTarget } from "./entry-target.ts";
import { RegistryError } from "./errors.ts";
import { readPackageJson } from "./installed-packages.ts";
import type { EntryPoint } from "./plugin-manifest.ts";
import type { Registries, RegistryEntry } from "./registry.ts";

/**
 * Registers the entry points of plugins. None of their code runs now: it is loaded when a name is first resolved.
 *
 * A plugin with a problem keeps no other from working. Its names are registered where nobody else has them, so that
 * resolving one is an error that carries the cause. A name that is already taken stays with whoever has it.
 *
 * @returns the reports, with the problems that registering found (a name that is taken, a kind that does not exist)
 */
export function registerPlugins(registries: Registries, reports: readonly PluginReport[]): PluginReport[] {
  const registered = reports.map((report) =>
    report.problem === undefined
      ? { ...report, entryPoints: report.entryPoints.map((entryPoint) => claim(registries, report, entryPoint)) }
      : report,
  );
  for (const report of registered) {
    const { problem } = report;
    if (problem === undefined) continue;
    for (const { kind, name, target } of report.entryPoints) {
      if (!registries.kinds.includes(kind) || registries.byName(kind).has(name)) continue;
      claim(registries, report, { kind, name, target }, () => Promise.reject(problem));
    }
  }
  return registered;
}

/**
 * Loads every entry point.
 *
 * @returns the reports, with the problems that loading found; those they came with stay. `pluginProblems` lists them
 */
export async function checkPlugins(reports: readonly PluginReport[]): Promise<PluginReport[]> {
  const checked: PluginReport[] = [];
  for (const report of reports) {
    const entryPoints: EntryPointReport[] = [];
    for (const entryPoint of report.entryPoints) {
      const skip = report.problem !== undefined || entryPoint.problem !== undefined;
      const problem = skip ? undefined : await problemOf(loadEntryPoint(report, entryPoint));
      entryPoints.push(problem === undefined ? entryPoint : { ...entryPoint, problem });
    }
    checked.push({ ...report, entryPoints });
  }
  return checked;
}

/** Every problem in the reports, in their order. Empty when all is well. */
export function pluginProblems(reports: readonly PluginReport[]): RegistryError[] {
  return reports
    .flatMap((report) => [report.problem, ...report.entryPoints.map((entryPoint) => entryPoint.problem)])
    .filter((problem) => problem !== undefined);
}

/** Loads what one entry point names. @throws {RegistryError} with the cause, not wrapped in `REGISTRY_PLUGIN_BROKEN` */
export async function loadEntryPoint(report: PluginReport, entryPoint: EntryPoint): Promise<RegistryEntry> {
  const where = `${entryPoint.kind} "${entryPoint.name}" of ${pluginSource(report)}`;
  const json = (await readPackageJson(report.directory)) ?? {};
  return loadTarget(await resolveTarget({ directory: report.directory, json }, entryPoint.target, where), where);
}

function claim(
  registries: Registries,
  report: PluginReport,
  entryPoint: EntryPoint,
  load: () => Promise<RegistryEntry> = () => loadEntryPoint(report, entryPoint),
): EntryPointReport {
  const { kind, name } = entryPoint;
  const source = pluginSource(report);
  const loadOrExplain = () =>
    load().catch((cause: Error) => {
      throw new RegistryError("REGISTRY_PLUGIN_BROKEN", `${kind} "${name}" cannot be used: ${cause.message}`, {
        cause,
        help: `The plugin ${source} in ${report.directory} is broken. "codex plugins check" tries all of it.`,
      });
    });
  try {
    registries.byName(kind).registerLazy(name, loadOrExplain, { source });
    return entryPoint;
  } catch (problem) {
    if (!(problem instanceof RegistryError)) throw problem;
    const unknownKind = problem.code === "REGISTRY_UNKNOWN_KIND";
    return {
      ...entryPoint,
      problem: unknownKind
        ? new RegistryError(problem.code, `${kind} "${name}" of ${source}: ${problem.message}`, {
            cause: problem,
            ...(problem.help === undefined ? {} : { help: problem.help }),
          })
        : problem,
    };
  }
}

async function problemOf(attempt: Promise<unknown>): Promise<RegistryError | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (problem) {
    if (problem instanceof RegistryError) return problem;
    throw problem;
  }
}
