import { type ConfigObject, composeConfig, type ValidateOptions, validateConfig } from "@codex/config";
import { expectTypeOf } from "expect-type";
import { Type } from "typebox";

const Schema = Type.Object({ seed: Type.Integer({ default: 1 }), name: Type.Optional(Type.String()) });

// The type of the result is the type of the schema.
expectTypeOf(validateConfig(Schema, {})).toEqualTypeOf<{ seed: number; name?: string }>();

// A composed configuration says where its values come from.
const composed = composeConfig({ config: "config", searchPath: ["configs"] });
expectTypeOf(composed).toExtend<ValidateOptions>();
expectTypeOf(composed.value).toEqualTypeOf<ConfigObject>();
