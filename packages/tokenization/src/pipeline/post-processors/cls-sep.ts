import { asArray, asFlag, asId, asString, type JsonObject } from "../../json-reader.ts";
import { type Encoding, joinEncodings, specialEncoding } from "../encoding.ts";
import type { PostProcessor } from "./post-processor.ts";
import { trimOffsets } from "./trim-offsets.ts";

interface Special {
  readonly id: number;
  readonly token: string;
}

/** `BertProcessing`: `[CLS] A [SEP] B [SEP]`, the pair and its end of type 1. */
export function readBertProcessing(options: JsonObject, where: string): PostProcessor {
  const { cls, sep } = readSpecials(options, where);
  return {
    addedTokens: (isPair) => (isPair ? 3 : 2),
    process: (encodings, addSpecialTokens) =>
      addSpecialTokens
        ? encodings.map((encoding, index) =>
            index === 0 ? around([cls], encoding, [sep], 0) : around([], encoding, [sep], 1),
          )
        : [...encodings],
  };
}

/** `RobertaProcessing`: `<s> A </s> </s> B </s>`, all of type 0. */
export function readRobertaProcessing(options: JsonObject, where: string): PostProcessor {
  const { cls, sep } = readSpecials(options, where);
  const trims = asFlag(options.trim_offsets, `${where}.trim_offsets`, true);
  const addPrefixSpace = asFlag(options.add_prefix_space, `${where}.add_prefix_space`, true);
  return {
    addedTokens: (isPair) => (isPair ? 4 : 2),
    process: (encodings, addSpecialTokens) => {
      const trimmed = encodings.map((one) => ofTypeZero(trims ? trimOffsets(one, addPrefixSpace) : one));
      if (!addSpecialTokens) return trimmed;
      return trimmed.map((encoding, index) =>
        around([index === 0 ? cls : sep], { ...encoding, overflowing: encoding.overflowing.map(ofTypeZero) }, [sep], 0),
      );
    },
  };
}

function readSpecials(options: JsonObject, where: string): { cls: Special; sep: Special } {
  const read = (name: string): Special => {
    const [token, id] = asArray(options[name], `${where}.${name}`);
    return { token: asString(token, `${where}.${name}[0]`), id: asId(id, `${where}.${name}[1]`) };
  };
  return { cls: read("cls"), sep: read("sep") };
}

function ofTypeZero(encoding: Encoding): Encoding {
  return { ...encoding, typeIds: encoding.ids.map(() => 0) };
}

function around(before: Special[], encoding: Encoding, after: Special[], typeId: number): Encoding {
  const special = (list: Special[]): Encoding =>
    specialEncoding(
      list.map(({ id }) => id),
      list.map(({ token }) => token),
      typeId,
    );
  const wrap = (one: Encoding): Encoding =>
    joinEncodings([
      special(before),
      { ...one, overflowing: [], specialTokensMask: one.ids.map(() => 0), attentionMask: one.ids.map(() => 1) },
      special(after),
    ]);
  return { ...wrap(encoding), overflowing: encoding.overflowing.map(wrap) };
}
