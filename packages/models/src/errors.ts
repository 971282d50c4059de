/** Why a model could not be built, loaded, run or sampled. Closed: callers may switch over it. */
export type ModelErrorCode =
  | "MODEL_CACHE_FULL" // more positions than the key/value cache was created for
  | "MODEL_CONFIG_INVALID" // a value of the configuration is of a wrong type, range or combination
  | "MODEL_CONFIG_UNSUPPORTED" // config.json holds a field that changes the maths in a way we do not implement
  | "MODEL_DROPOUT_KEY_MISSING" // training with dropout, and no key to draw the masks from
  | "MODEL_FAMILY_UNKNOWN" // no model family of that name
  | "MODEL_FILE_INVALID" // config.json or generation_config.json is not a JSON object
  | "MODEL_FILE_MISSING" // a file of the model directory is absent
  | "MODEL_GENERATION_OPTIONS_INVALID" // a sampling option is out of its range
  | "MODEL_LOGITS_NOT_FINITE" // the model gave NaN or infinity: there is nothing to sample from
  | "MODEL_PROMPT_INVALID" // empty, or a token id outside of the vocabulary
  | "MODEL_PROMPT_TOO_LONG" // the prompt does not fit into the context
  | "MODEL_SEQUENCE_TOO_LONG" // a batch has more positions than the model
  | "MODEL_VOCABULARY_MISMATCH" // tokenizer and model have different vocabularies
  | "MODEL_WEIGHTS_DTYPE_UNSUPPORTED" // a tensor is stored as something else than F32, F16 or BF16
  | "MODEL_WEIGHTS_MISSING" // a parameter of the model is in no file
  | "MODEL_WEIGHTS_NOT_FINITE" // a stored weight is NaN or infinite
  | "MODEL_WEIGHTS_SHAPE_MISMATCH" // a stored tensor has another shape than config.json asks for
  | "MODEL_WEIGHTS_UNEXPECTED"; // a file holds a tensor that the model has no place for

/** The error of this package. `code` is stable; `message` says where, what was expected and what came; `help` what to do. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  readonly code: ModelErrorCode;
  readonly help: string | undefined;

  constructor(code: ModelErrorCode, message: string, options: ErrorOptions & { readonly help?: string } = {}) {
    super(message, options);
    this.code = code;
    this.help = options.help;
  }
}
