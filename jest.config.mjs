import { existsSync } from "node:fs";
import { enginePlace } from "./tools/native/build.mjs";

/** A clone without Rust has no native engine; `npm test` says so in a line of its own. */
const hasEngine = existsSync(enginePlace());

/** Tests run on the sources: the `@codex/source` export condition points every workspace package at its `src`. */
const config = {
  testMatch: ["<rootDir>/{packages,apps,examples}/*/test/**/*.test.ts", "<rootDir>/tools/test/**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/", ...(hasEngine ? [] : ["/packages/engine/test/"])],
  modulePathIgnorePatterns: ["/dist/"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: { parser: { syntax: "typescript", explicitResourceManagement: true }, target: "es2022" },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  testEnvironment: "<rootDir>/tools/jest/environment.mjs",
  testEnvironmentOptions: { customExportConditions: ["@codex/source", "node", "node-addons"] },
  testTimeout: 30_000,
  maxWorkers: 2,
  workerIdleMemoryLimit: "2GB",
  coverageProvider: "v8",
  collectCoverageFrom: [
    "packages/*/src/**/*.ts",
    "apps/*/src/**/*.ts",
    ...(hasEngine ? [] : ["!packages/engine/src/**"]),
  ],
  coverageReporters: ["text-summary", "json-summary"],
  coverageThreshold: { global: { lines: 85 } },
};

// biome-ignore lint/style/noDefaultExport: Jest reads its configuration from the default export.
export default config;
