import Schema from "typebox/schema";

export interface RecordSchema {
  /** What is wrong with a value, each with its place: `value: must be number`. Empty for a valid one. */
  problemsOf(value: unknown): string[];
}

const MAX_PROBLEMS = 5;

export function compileSchema(schema: object): RecordSchema {
  const validator = Schema.Compile(schema as never);
  return {
    problemsOf(value) {
      if (validator.Check(value)) return [];
      const [, errors] = validator.Errors(value) as [boolean, readonly { instancePath: string; message: string }[]];
      const problems = errors
        // Said again, and better, by the keyword that holds it.
        .filter(({ message }) => message !== "schema is false")
        .map(({ instancePath, message }) => {
          const place = instancePath.slice(1).replaceAll("/", ".");
          return place === "" ? message : `${place} ${message}`;
        });
      return [...new Set(problems)].slice(0, MAX_PROBLEMS);
    },
  };
}
