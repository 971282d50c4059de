import { useEffect, useState } from "preact/hooks";
import { get, RequestError } from "./server-data.ts";

export interface Resource<T> {
  /** The newest answer; the one before stays until the next is there. */
  readonly value: T | undefined;
  readonly problem: string | undefined;
}

/** What a path of the interface answers. @param version - asks again whenever it changes; @param path - null asks for nothing */
export function useResource<T>(path: string | null, version: unknown = 0): Resource<T> {
  const [answer, setAnswer] = useState<Resource<T> & { path: string | null }>({
    path: null,
    value: undefined,
    problem: undefined,
  });
  useEffect(() => {
    if (path === null) return;
    const abort = new AbortController();
    get<T>(path, abort.signal).then(
      (value) => setAnswer({ path, value, problem: undefined }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const problem = error instanceof RequestError ? error.message : "The server does not answer.";
        setAnswer((before) => ({ ...before, path, problem }));
      },
    );
    return () => abort.abort();
  }, [path, version]);
  // What another path answered must not be shown as this one's.
  const isOld = answer.path?.split("?")[0] !== path?.split("?")[0];
  return isOld ? { value: undefined, problem: undefined } : answer;
}
