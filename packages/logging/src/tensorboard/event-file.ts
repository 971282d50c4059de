/** The event files of TensorBoard: `events.out.tfevents.*`, records of length, checksum, protobuf `Event`, checksum. */
import { hostname } from "node:os";
import { join } from "node:path";
import { type DurableFs, makeDirectory, nodeFs } from "@codex/storage";
import { crc32c } from "../wire/crc32.ts";
import { ProtoMessage } from "../wire/proto-message.ts";
import { RecordFile } from "../wire/record-file.ts";
import { type Histogram, histogramProto } from "./histogram.ts";
import { type SessionStatus, sessionEnd, sessionStart } from "./hparams.ts";
import { pluginSummary, textTensor } from "./summary.ts";

/** When something was measured. */
export interface EventTime {
  readonly step: number;
  /** Default: now. */
  readonly wallTime?: Date;
}

/** A writer of one event file. What is added is in memory until `flush`. The caller closes it, or uses `await using`. */
export interface EventFile extends AsyncDisposable {
  readonly path: string;
  /** TensorBoard keeps scalars as float32. */
  scalar(tag: string, value: number, time: EventTime): void;
  histogram(tag: string, histogram: Histogram, time: EventTime): void;
  /** TensorBoard shows it as Markdown. */
  text(tag: string, text: string, time: EventTime): void;
  /** What the run was configured with: a row of the HPARAMS tab. */
  hparams(params: Readonly<Record<string, string | number | boolean>>, options: { startTime: Date }): void;
  hparamsEnd(status: SessionStatus, endTime: Date): void;
  /**
   * Resolves when everything that was added is in the file, where a TensorBoard that watches it sees it. After a failure nothing of it is, and
   * what is still wanted has to be added again.
   * @throws {StorageError} `STORAGE_DISK_FULL`, ...
   */
  flush(): Promise<void>;
  close(): Promise<void>;
}

let opened = 0;

/**
 * Makes a new event file in a folder, and the folder. One writer a file; several files of a folder are one run for TensorBoard, in the order
 * of their names, which begin with the time.
 */
export async function createEventFile(
  directory: string,
  { fs = nodeFs, now = new Date() }: { fs?: DurableFs; now?: Date } = {},
): Promise<EventFile> {
  await makeDirectory(directory, { fs });
  const seconds = String(Math.floor(now.getTime() / 1000)).padStart(10, "0");
  opened += 1;
  const name = `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${opened}`;
  const file = await RecordFile.create(join(directory, name), fs);
  let pending: Buffer[] = [];
  const add = ({ step, wallTime = new Date() }: EventTime, write: (event: ProtoMessage) => void): void => {
    const event = new ProtoMessage().double(1, wallTime.getTime() / 1000).varint(2, step);
    write(event);
    pending.push(record(event.finish()));
  };
  const summary = (time: EventTime, write: (value: ProtoMessage) => void): void =>
    add(time, (event) => event.message(5, (summaries) => summaries.message(1, write)));
  const flush = async (): Promise<void> => {
    const added = Buffer.concat(pending);
    pending = [];
    if (added.byteLength > 0) await file.append(added);
  };
  const close = async (): Promise<void> => {
    try {
      await flush();
    } finally {
      await file.close();
    }
  };
  add({ step: 0, wallTime: now }, (event) => event.string(3, "brain.Event:2"));
  await flush().catch(async (error: unknown) => {
    await file.close().catch(() => {}); // the first error is the one to tell
    throw error;
  });
  return {
    path: file.path,
    scalar: (tag, value, time) => summary(time, (entry) => entry.string(1, tag).float(2, value)),
    histogram: (tag, histogram, time) =>
      summary(time, (entry) => entry.string(1, tag).message(5, (proto) => histogramProto(proto, histogram))),
    text: (tag, text, time) =>
      summary(time, (entry) => {
        entry.string(1, tag).message(8, (tensor) => textTensor(tensor, text));
        pluginSummary(entry, "text");
      }),
    hparams: (params, { startTime }) =>
      add({ step: 0, wallTime: startTime }, (event) => sessionStart(event, params, startTime)),
    hparamsEnd: (status, endTime) => add({ step: 0, wallTime: endTime }, (event) => sessionEnd(event, status, endTime)),
    flush,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function record(event: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(8 + 4 + event.byteLength + 4);
  bytes.writeUInt32LE(event.byteLength, 0); // of a 64-bit length
  bytes.writeUInt32LE(0, 4);
  bytes.writeUInt32LE(masked(bytes.subarray(0, 8)), 8);
  bytes.set(event, 12);
  bytes.writeUInt32LE(masked(event), 12 + event.byteLength);
  return bytes;
}

/** A checksum over data that holds checksums would be weak, so they are rotated and shifted. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
