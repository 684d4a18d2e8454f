/**
 * The errors that this library throws on purpose.
 *
 * Every message says what was expected, what came, and what to do. The class says what kind of thing was wrong, so that
 * a program can tell a misspelt option from a damaged checkpoint. Anything else that is thrown is a defect of ours.
 */

/** A tensor or an array does not have the shape that a function needs. */
export class ShapeError extends Error {
  override readonly name = "ShapeError";
}

/** A model's `config.json` or `generation_config.json` asks for something that is not implemented, or contradicts itself. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** A checkpoint, tokenizer or result file is damaged, incomplete or not what it says it is. */
export class FileError extends Error {
  override readonly name = "FileError";
}

/** An argument or a command-line option is unknown, out of range or contradicts another one. */
export class OptionError extends Error {
  override readonly name = "OptionError";
}

/** What was asked for exists, but not in this combination (for instance a method on a kind of model). */
export class UnsupportedError extends Error {
  override readonly name = "UnsupportedError";
}

/** A backend is absent, cannot be started, or failed while computing. */
export class BackendError extends Error {
  override readonly name = "BackendError";
}

/** There is not enough memory for tensors. */
export class MemoryError extends Error {
  override readonly name = "MemoryError";
}

/** A weight, a logit or a score is not a finite number. */
export class NumericError extends Error {
  override readonly name = "NumericError";
}
