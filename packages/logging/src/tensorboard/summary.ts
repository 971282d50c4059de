/** Parts of `Summary.Value` that plugins of TensorBoard look at. */
import type { ProtoMessage } from "../wire/proto-message.ts";

const DT_FLOAT = 1;
const DT_STRING = 7;
const DATA_CLASS_TENSOR = 2;

/** `metadata` of a value: which plugin it is for, and what that plugin keeps with it. */
export function pluginSummary(value: ProtoMessage, plugin: string, content?: Uint8Array): void {
  value.message(9, (metadata) => {
    metadata.message(1, (data) => {
      data.string(1, plugin);
      if (content !== undefined) data.bytes(2, content);
    });
    metadata.varint(4, DATA_CLASS_TENSOR);
  });
}

/** `TensorProto` of one text. */
export function textTensor(tensor: ProtoMessage, text: string): void {
  tensor.varint(1, DT_STRING);
  shapeOfOne(tensor);
  tensor.string(8, text);
}

/** `TensorProto` for values that are all in their metadata: one zero. */
export function emptyTensor(tensor: ProtoMessage): void {
  tensor.varint(1, DT_FLOAT);
  shapeOfOne(tensor);
  tensor.float(5, 0);
}

function shapeOfOne(tensor: ProtoMessage): void {
  tensor.message(2, (shape) => shape.message(2, (dimension) => dimension.varint(1, 1)));
}
