import type { Static, TObject } from "typebox";
import Value from "typebox/value";
import { TrainingError } from "./errors.ts";

/**
 * Fills in the defaults of a schema and checks; gives a new object.
 * @throws {TrainingError} `TRAINING_OPTIONS_INVALID`, naming every option that is wrong
 */
export function parseOptions<Schema extends TObject>(schema: Schema, input: Partial<Static<Schema>>): Static<Schema> {
  const options = Value.Default(schema, Value.Clone(input));
  if (Value.Check(schema, options)) return options;
  const problems = Value.Errors(schema, options).map(({ instancePath, message, params }) => {
    const where = instancePath === "" ? "options" : instancePath.slice(1).replaceAll("/", ".");
    return `${where}: ${message}${"additionalProperties" in params ? ` (${params.additionalProperties})` : ""}`;
  });
  throw new TrainingError("TRAINING_OPTIONS_INVALID", problems.join("; "), {
    help: `The options are ${Object.keys(schema.properties).join(", ")}; each is described in its schema.`,
  });
}
