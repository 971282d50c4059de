import { createRequire } from "node:module";
import { type DeviceReport, type DeviceSelection, probeDevices, selectDevice } from "@codex/tensor";

export interface DoctorReport {
  readonly devices: readonly DeviceReport[];
  readonly chosen: DeviceSelection;
  readonly versions: readonly { readonly name: string; readonly version: string }[];
}

const PACKAGES = ["@tensorflow/tfjs-core", "better-sqlite3", "kysely", "typebox"];

/** The devices of this machine, which one `device: auto` takes and why, and the versions that matter. */
export async function doctor(directory: string = process.cwd()): Promise<DoctorReport> {
  const devices = await probeDevices({ projectDirectory: directory });
  const chosen = await selectDevice("auto", { projectDirectory: directory });
  const require = createRequire(import.meta.url);
  const versionOf = (name: string): string => {
    try {
      return (require(`${name}/package.json`) as { version: string }).version;
    } catch {
      return "installed"; // a package whose exports hide its manifest
    }
  };
  return {
    devices,
    chosen,
    versions: [
      { name: "node", version: process.versions.node },
      { name: "platform", version: `${process.platform} ${process.arch}` },
      ...PACKAGES.map((name) => ({ name, version: versionOf(name) })),
    ],
  };
}
