export { type ComposedConfig, type ComposeOptions, composeConfig } from "./compose.ts";
export { ConfigError, type ConfigErrorCode, type ConfigIssue } from "./errors.ts";
export type { Environment } from "./interpolation.ts";
export { configJsonSchema } from "./json-schema.ts";
export type { ConfigObject, ConfigScalar, ConfigValue } from "./node.ts";
export { formatOverrideValue, type Override, parseOverride } from "./override.ts";
export { type ConfigKeyDoc, listConfigKeys, renderConfigDocs } from "./schema-docs.ts";
export { toYaml } from "./to-yaml.ts";
export { type ValidateOptions, validateConfig } from "./validate.ts";
