import { readKernelFile } from "./proc-files.ts";

/** Bytes moved since the machine started; `undefined` where the system does not say (Linux does). */
export interface Traffic {
  readonly disk: { readonly readBytes: number; readonly writtenBytes: number } | undefined;
  readonly network: { readonly receivedBytes: number; readonly sentBytes: number } | undefined;
  /** When this was read, milliseconds of a clock that never goes back. */
  readonly atMs: number;
}

const SECTOR_BYTES = 512; // of /proc/diskstats, whatever the disk's own sectors are
const BYTES_PER_MB = 1e6;

export function readTraffic(read: (path: string) => string | undefined = readKernelFile): Traffic {
  return { disk: parseDiskStats(read), network: parseNetworkDevices(read("/proc/net/dev")), atMs: performance.now() };
}

/** `disk_read_mb_per_second`, `disk_write_...`, `net_receive_...`, `net_send_mb_per_second`: mean rates since the last sample. */
export function trafficMetrics(before: Traffic, now: Traffic): Record<string, number> {
  const metrics: Record<string, number> = {};
  const seconds = (now.atMs - before.atMs) / 1000;
  if (seconds <= 0) return metrics;
  const rate = (name: string, earlier: number, later: number): void => {
    // Counters start again when a device goes and comes back: no rate rather than a wrong one.
    if (later >= earlier) metrics[`${name}_mb_per_second`] = (later - earlier) / BYTES_PER_MB / seconds;
  };
  if (before.disk !== undefined && now.disk !== undefined) {
    rate("disk_read", before.disk.readBytes, now.disk.readBytes);
    rate("disk_write", before.disk.writtenBytes, now.disk.writtenBytes);
  }
  if (before.network !== undefined && now.network !== undefined) {
    rate("net_receive", before.network.receivedBytes, now.network.receivedBytes);
    rate("net_send", before.network.sentBytes, now.network.sentBytes);
  }
  return metrics;
}

/** Whole disks only: their partitions, and what is laid over them (loop, device mapper, RAID), would count bytes twice. */
const WHOLE_DISK = /^(?:[shv]d[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+)$/;

function parseDiskStats(read: (path: string) => string | undefined): Traffic["disk"] {
  const text = read("/proc/diskstats");
  if (text === undefined) return undefined;
  let readBytes = 0;
  let writtenBytes = 0;
  let disks = 0;
  for (const line of text.split("\n")) {
    const [, , name = "", , , sectorsRead, , , , sectorsWritten] = line.trim().split(/\s+/);
    if (!WHOLE_DISK.test(name)) continue;
    readBytes += Number(sectorsRead) * SECTOR_BYTES;
    writtenBytes += Number(sectorsWritten) * SECTOR_BYTES;
    disks++;
  }
  return disks === 0 ? undefined : { readBytes, writtenBytes };
}

function parseNetworkDevices(text: string | undefined): Traffic["network"] {
  if (text === undefined) return undefined;
  let receivedBytes = 0;
  let sentBytes = 0;
  for (const [, name, counters] of text.matchAll(/^\s*([^\s:]+):\s*(.+)$/gm)) {
    if (name === "lo") continue;
    const [received, , , , , , , , sent] = counters!.trim().split(/\s+/);
    receivedBytes += Number(received);
    sentBytes += Number(sent);
  }
  return { receivedBytes, sentBytes };
}
