import { readFileSync } from "node:fs";

/**
 * The text of a file of the kernel's; `undefined` where there is none (other systems, containers that hide it). These files
 * are made while they are read and wait for nothing, so that reading them synchronously costs less than a thread would.
 */
export function readKernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
