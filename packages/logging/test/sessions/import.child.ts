/** Prints what importing the module changed: nothing. */
const before = [JSON.stringify(process.env), process.eventNames().length];
await import("@codex/logging/sessions");
console.log(JSON.stringify(process.env) === before[0], process.eventNames().length === before[1]);

export {};
