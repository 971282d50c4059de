import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gpuMetrics, parseGpus, readGpus } from "../../src/system-metrics/gpus.ts";
import { memoryMetrics } from "../../src/system-metrics/memory.ts";
import { processorMetrics } from "../../src/system-metrics/processor.ts";
import { readTraffic, trafficMetrics } from "../../src/system-metrics/traffic.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const kernelOf = (files: Record<string, string>) => (path: string) => files[path];

const MEMINFO = `MemTotal:       24608956 kB
MemFree:         1059048 kB
MemAvailable:   20608956 kB
Active(anon):    1404196 kB
SwapTotal:       2000000 kB
SwapFree:         500000 kB
HugePages_Total:       0
`;

test("memory is what is not available, in powers of ten", () => {
  const metrics = memoryMetrics(kernelOf({ "/proc/meminfo": MEMINFO }));
  expect(metrics.mem_used_gb).toBeCloseTo(4_000_000 * 1.024e-6, 9);
  expect(metrics.mem_percent).toBeCloseTo((100 * 4_000_000) / 24_608_956, 9);
  expect(metrics.swap_used_gb).toBeCloseTo(1_500_000 * 1.024e-6, 9);
  expect(metrics).not.toHaveProperty("container_mem_percent");
});

test("a container's limit is told beside the machine's memory; without a limit nothing is", () => {
  const limited = memoryMetrics(
    kernelOf({ "/sys/fs/cgroup/memory.current": "1500000000\n", "/sys/fs/cgroup/memory.max": "6000000000\n" }),
  );
  expect(limited).toMatchObject({ container_mem_used_gb: 1.5, container_mem_percent: 25 });
  const free = memoryMetrics(
    kernelOf({ "/sys/fs/cgroup/memory.current": "1500000000\n", "/sys/fs/cgroup/memory.max": "max\n" }),
  );
  expect(free).not.toHaveProperty("container_mem_used_gb");
});

test("without the kernel's files memory comes from Node, and nothing is made up", () => {
  const metrics = memoryMetrics(() => undefined);
  expect(Object.keys(metrics).sort()).toEqual(["mem_percent", "mem_used_gb", "process_rss_gb"]);
  expect(metrics.mem_percent).toBeGreaterThan(0);
  expect(metrics.mem_percent).toBeLessThanOrEqual(100);
});

const DISKSTATS = `   7       0 loop0 11 0 28 0 0 0 0 0 0 4 0 0 0 0 0 0 0
 254       0 vda 100 0 2000 10 200 0 READ 20 0 30 30 0 0 0 0 0 0
 259       0 nvme0n1 100 0 4000 10 200 0 1000 20 0 30 30
 259       1 nvme0n1p1 90 0 3900 10 200 0 1000 20 0 30 30
 253       0 dm-0 100 0 9000 10 200 0 9000 20 0 30 30
`;
const NET = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 999999 10 0 0 0 0 0 0 999999 10 0 0 0 0 0 0
  eth0:1000000 10 0 0 0 0 0 0 500000 10 0 0 0 0 0 0
`;

test("whole disks and real networks are counted, as rates", () => {
  const at = (sectors: number, received: string, atMs: number) => ({
    ...readTraffic(
      kernelOf({
        "/proc/diskstats": DISKSTATS.replace("READ", String(sectors)),
        "/proc/net/dev": NET.replace("1000000", received),
      }),
    ),
    atMs,
  });
  expect(at(500, "1000000", 0)).toMatchObject({
    disk: { readBytes: 6000 * 512, writtenBytes: 1500 * 512 },
    network: { receivedBytes: 1_000_000, sentBytes: 500_000 },
  });
  const rates = trafficMetrics(at(500, "1000000", 0), at(500 + 40_000, "5000000", 2000));
  expect(rates).toEqual({
    disk_read_mb_per_second: 0,
    disk_write_mb_per_second: 10.24,
    net_receive_mb_per_second: 2,
    net_send_mb_per_second: 0,
  });
});

test("a counter that started again, a missing source and a clock that stood still give no rate", () => {
  const none = readTraffic(() => undefined);
  expect(none).toMatchObject({ disk: undefined, network: undefined });
  expect(trafficMetrics(none, { ...none, atMs: none.atMs + 1000 })).toEqual({});
  const before = { disk: { readBytes: 500, writtenBytes: 0 }, network: undefined, atMs: 0 };
  const after = { disk: { readBytes: 100, writtenBytes: 0 }, network: undefined, atMs: 1000 };
  expect(trafficMetrics(before, after)).toEqual({ disk_write_mb_per_second: 0 });
  expect(trafficMetrics(before, before)).toEqual({});
});

test("processor shares are of what passed between two samples", () => {
  const before = { busyMs: 1000, totalMs: 4000, processMs: 100, atMs: 0 };
  const now = { busyMs: 1500, totalMs: 6000, processMs: 1600, atMs: 1000 };
  expect(processorMetrics(before, now)).toMatchObject({ cpu_percent: 25, process_cpu_percent: 150 });
  expect(processorMetrics(before, before)).not.toHaveProperty("cpu_percent");
});

// As printed by nvidia-smi 550 for a machine with two boards, one of which does not tell its power.
const SMI = "0, 37, 1024, 81559, 41, 118.27\n1, 0, 0, 81559, 30, [N/A]\n";

test("nvidia-smi's table, without what it does not know", () => {
  expect(gpuMetrics(parseGpus(SMI))).toEqual({
    gpu_count: 2,
    gpu0_util_pct: 37,
    gpu0_mem_used_gb: 1.073741824,
    gpu0_mem_percent: (100 * 1024) / 81559,
    gpu0_temp_c: 41,
    gpu0_power_w: 118.27,
    gpu1_util_pct: 0,
    gpu1_mem_used_gb: 0,
    gpu1_mem_percent: 0,
    gpu1_temp_c: 30,
    gpu_util_mean: 18.5,
  });
  expect(gpuMetrics(parseGpus(""))).toEqual({ gpu_count: 0 });
  expect(parseGpus("No devices were found\n")).toEqual([]);
});

test("nvidia-smi is run with the question; one that fails is an error", async () => {
  const command = join(temporaryFolder(), "nvidia-smi");
  writeFileSync(
    command,
    `#!/bin/sh
[ "$1" = "--query-gpu=index,utilization.gpu,memory.used,memory.total,temperature.gpu,power.draw" ] || exit 1
[ "$2" = "--format=csv,noheader,nounits" ] || exit 1
echo "0, 1, 2, 3, 4, 5"
`,
  );
  chmodSync(command, 0o755);
  await expect(readGpus(command)).resolves.toMatchObject([{ index: 0, utilizationPercent: 1, powerWatts: 5 }]);
  writeFileSync(command, "#!/bin/sh\nexit 9\n");
  await expect(readGpus(command)).rejects.toThrow("Command failed");
});
