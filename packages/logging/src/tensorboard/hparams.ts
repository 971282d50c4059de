/** What the HPARAMS tab of TensorBoard reads: a start and an end of a session, in the metadata of two values without data. */
import { ProtoMessage } from "../wire/proto-message.ts";
import { emptyTensor, pluginSummary } from "./summary.ts";

export type SessionStatus = "success" | "failure" | "running";

const STATUS = { success: 1, failure: 2, running: 3 } as const;

/** @param event - `Event` */
export function sessionStart(
  event: ProtoMessage,
  params: Readonly<Record<string, string | number | boolean>>,
  startTime: Date,
): void {
  write(event, "_hparams_/session_start_info", 3, (session) => {
    for (const [key, value] of Object.entries(params)) {
      session.message(1, (entry) => entry.string(1, key).message(2, (proto) => protoValue(proto, value)));
    }
    session.double(5, startTime.getTime() / 1000);
  });
}

/** @param event - `Event` */
export function sessionEnd(event: ProtoMessage, status: SessionStatus, endTime: Date): void {
  write(event, "_hparams_/session_end_info", 4, (session) =>
    session.varint(1, STATUS[status]).double(2, endTime.getTime() / 1000),
  );
}

function write(event: ProtoMessage, tag: string, field: number, session: (message: ProtoMessage) => void): void {
  const content = new ProtoMessage().varint(1, 0).message(field, session).finish(); // HParamsPluginData, version 0
  event.message(5, (summary) =>
    summary.message(1, (value) => {
      value.string(1, tag).message(8, emptyTensor);
      pluginSummary(value, "hparams", content);
    }),
  );
}

/** `google.protobuf.Value` */
function protoValue(proto: ProtoMessage, value: string | number | boolean): void {
  if (typeof value === "number") proto.double(2, value);
  else if (typeof value === "boolean") proto.varint(4, value ? 1 : 0);
  else proto.string(3, value);
}
