/** What the calls of `MemoryFs` did, and what a power loss makes of effects that no sync has made durable. */

/** What a call did to an inode. Inodes are numbered; 1 is the root directory. */
export type Effect =
  | {
      readonly kind: "create";
      readonly directory: number;
      readonly name: string;
      readonly inode: number;
      readonly type: "file" | "directory";
      /** After a crash: the inode is there, its name is not. */
      readonly nameLost?: boolean;
    }
  | { readonly kind: "write"; readonly inode: number; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly inode: number; readonly size: number }
  | { readonly kind: "rename"; readonly from: Entry; readonly to: Entry; readonly inode: number }
  | { readonly kind: "remove"; readonly directory: number; readonly name: string }
  | { readonly kind: "fsync"; readonly inode: number }
  | { readonly kind: "fsyncDir"; readonly inode: number };

/** A name in a directory. */
export interface Entry {
  readonly directory: number;
  readonly name: string;
}

/**
 * What may become of an effect that was not synced: `kept`; `lost`; for a write also `half` of it, or `zeros` in its
 * place (the size reached the disk before the bytes).
 */
export type Outcome = "kept" | "lost" | "half" | "zeros";

export function possibleOutcomes(effect: Effect): readonly Outcome[] {
  return effect.kind === "write" ? ["kept", "lost", "half", "zeros"] : ["kept", "lost"];
}

/** The effects to replay in place of a pending one. */
export function afterCrash(effect: Effect, outcome: Outcome): Effect[] {
  if (outcome === "kept") return [effect];
  if (effect.kind === "create") return [{ ...effect, nameLost: true }]; // a later rename may have given it another name
  if (effect.kind !== "write" || outcome === "lost") return [];
  if (outcome === "zeros") return [{ ...effect, bytes: new Uint8Array(effect.bytes.byteLength) }];
  return [{ ...effect, bytes: effect.bytes.subarray(0, effect.bytes.byteLength >> 1) }];
}

/** Indices of the effects among the first `length` that no sync among them has made durable. */
export function pendingEffects(journal: readonly Effect[], length = journal.length): number[] {
  const pending: number[] = [];
  const syncedFiles = new Set<number>();
  const syncedDirectories = new Set<number>();
  for (let index = length - 1; index >= 0; index--) {
    const effect = journal[index]!;
    if (effect.kind === "fsync") syncedFiles.add(effect.inode);
    else if (effect.kind === "fsyncDir") syncedDirectories.add(effect.inode);
    else if (effect.kind === "write" || effect.kind === "truncate") {
      if (!syncedFiles.has(effect.inode)) pending.push(index);
    } else {
      const directories = effect.kind === "rename" ? [effect.from.directory, effect.to.directory] : [effect.directory];
      if (!directories.every((directory) => syncedDirectories.has(directory))) pending.push(index);
    }
  }
  return pending.reverse();
}
