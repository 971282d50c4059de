import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { loadCheckpoint } from "@codex/checkpointing";
import { composeConfig } from "@codex/config";
import { runPaths } from "@codex/logging";
import { checkVocabulary, type LanguageModel, loadModel, MODEL_FAMILIES } from "@codex/models";
import { exists } from "@codex/storage";
import { hasPrecision, type Precision, selectDevice, usePrecision } from "@codex/tensor";
import { loadTokenizer, type Tokenizer } from "@codex/tokenization";
import { tensor } from "@tensorflow/tfjs-core";
import { type Configuration, loadConfiguration } from "./configuration/load.ts";
import { PipelineError } from "./errors.ts";
import { locateModel } from "./locate.ts";
import { blamePlugins, usedNames } from "./plugin-failure.ts";
import { createFromOptions } from "./prepare-model.ts";

export interface OpenModelRequest {
  /** A run, a checkpoint, or any Hugging Face model folder. */
  readonly checkpoint: string;
  readonly device?: string | undefined;
  /** The project whose plugins are used. */
  readonly directory?: string | undefined;
  /** Called with what a person must see. Default: a warning of the process. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

/** A trained model with its tokenizer. Disposing it frees the weights, and puts back the device's precision. */
export interface OpenedModel extends AsyncDisposable {
  readonly model: LanguageModel;
  readonly tokenizer: Tokenizer;
  readonly modelDirectory: string;
  /** The run that it belongs to, if it does. */
  readonly runDirectory: string | undefined;
}

/**
 * Loads model and tokenizer and makes the device current, in the precision that the run was trained in.
 * @throws what loading throws, naming the file
 */
export async function openModel(request: OpenModelRequest): Promise<OpenedModel> {
  const { checkpoint, device = "auto", directory = process.cwd(), onNotice } = request;
  const { modelDirectory, runDirectory } = await locateModel(resolve(directory, checkpoint), onNotice);
  await selectDevice(device as "auto", { projectDirectory: directory });
  const wanted = precisionOf(runDirectory, onNotice);
  const beside = await exists(join(modelDirectory, "tokenizer.json"));
  const tokenizer = await loadTokenizer(
    beside || runDirectory === undefined ? modelDirectory : runPaths(runDirectory).tokenizer,
  );
  const model = (await isBuiltIn(modelDirectory))
    ? await loadModel(modelDirectory)
    : await loadPluginModel(modelDirectory, runDirectory, tokenizer, directory);
  try {
    checkVocabulary(model, tokenizer);
  } catch (error) {
    model.dispose();
    throw error;
  }
  const precision = usePrecision(wanted);
  return {
    model,
    tokenizer,
    modelDirectory,
    runDirectory,
    async [Symbol.asyncDispose]() {
      precision[Symbol.dispose]();
      model.dispose();
    },
  };
}

/** Of the run, where the device has it: float32 is no error, but the results are not those that the run saw. */
function precisionOf(
  runDirectory: string | undefined,
  onNotice: (message: string) => void = (message) => process.emitWarning(message),
): Precision {
  if (runDirectory === undefined) return "float32";
  const { value } = composeConfig({ config: runPaths(runDirectory).config, searchPath: [] });
  const { precision = "float32" } = (value["training"] ?? {}) as { precision?: Precision };
  if (hasPrecision(precision)) return precision;
  onNotice(`the run was trained in ${precision}, which this device does not have: computing in float32`);
  return "float32";
}

async function isBuiltIn(modelDirectory: string): Promise<boolean> {
  const path = join(modelDirectory, "config.json");
  const text = await readFile(path, "utf8");
  let modelType: unknown;
  try {
    modelType = (JSON.parse(text) as { model_type?: unknown }).model_type;
  } catch (cause) {
    throw new PipelineError("PIPELINE_FILE_INVALID", `${path}: expected JSON: ${(cause as Error).message}`, { cause });
  }
  return MODEL_FAMILIES.some((family) => family.modelType === modelType);
}

/** A model of a plugin is made as the run's configuration says, and given the checkpoint's weights. Which plugin, the project says, never the checkpoint. */
async function loadPluginModel(
  modelDirectory: string,
  runDirectory: string | undefined,
  tokenizer: Tokenizer,
  directory: string,
): Promise<LanguageModel> {
  if (runDirectory === undefined) return loadModel(modelDirectory); // whose error lists the known families
  const configuration: Configuration = await loadConfiguration({ config: runPaths(runDirectory).config, directory });
  const model = await createFromOptions(configuration.value, configuration.registries, tokenizer).catch(
    (error: unknown) => {
      throw blamePlugins(error, configuration.registries, usedNames(configuration.value));
    },
  );
  try {
    const expectedShapes = new Map([...model.parameters()].map(([name, { variable }]) => [name, variable.shape]));
    const { parameters } = await loadCheckpoint(modelDirectory, { expectedShapes });
    for (const [name, { variable }] of model.parameters()) {
      const stored = parameters.get(name);
      if (stored === undefined) continue; // `expectedShapes` has made sure that it is there
      const values = tensor(stored.data, [...stored.shape], "float32");
      variable.assign(values);
      values.dispose();
    }
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}
