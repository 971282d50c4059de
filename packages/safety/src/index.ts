/** @module Redaction of secrets from texts, values and environments. */
export { findSecrets, redactText, type SecretFinding } from "./redact-text.ts";
export { REDACTED, redactArguments, redactEnvironment, redactValue } from "./redact-value.ts";
export { isSecretName } from "./secret-names.ts";
export { type SecretRule, secretRules } from "./secret-rules.ts";
