/** @module Checks what a run wrote about itself against the published JSON Schemas. */
export { type SchemaName, schemaOf } from "./validate/schemas.ts";
export {
  type RecordProblem,
  type RecordReport,
  type ValidateOptions,
  validateRunRecords,
} from "./validate/validate-records.ts";
