/** @module Typed registries, and the plugins that fill them. */
export {
  type DiscoverOptions,
  discoverPlugins,
  type EntryPointReport,
  type PluginReport,
  pluginSource,
  readPlugin,
} from "./discover.ts";
export { RegistryError, type RegistryErrorCode } from "./errors.ts";
export { describeOptions, type EntryExplanation, explainEntry, type OptionExplanation } from "./explain.ts";
export { nearestName } from "./nearest-name.ts";
export { API_VERSION, type EntryPoint } from "./plugin-manifest.ts";
export { checkPlugins, pluginProblems, registerPlugins } from "./plugins.ts";
export {
  createRegistries,
  type EntryOf,
  type RegisteredName,
  type RegisterOptions,
  type Registries,
  type Registry,
  type RegistryEntry,
  type RegistryKind,
  type RegistryKinds,
} from "./registry.ts";
