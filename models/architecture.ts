/** What a file of this folder says about its architecture, so that a folder of files can become a model. */

import type { JsonObject } from "../src/json.ts";
import type { Weights } from "../src/layers/weights.ts";
import type { DropoutAttributes } from "../src/model/dropout.ts";
import type { Model } from "../src/model/model.ts";
import type { WeightTable } from "../src/model/weights.ts";

export interface Architecture<Config extends object = object> {
  /** The classes of Python's transformers with the same weights and logits; the first is the present one. */
  readonly classNames: readonly [string, ...string[]];
  /**
   * `config.json`, read strictly.
   * @param tensors names of the checkpoint's tensors, for what a config leaves open
   * @throws ConfigError naming every attribute that is not implemented
   */
  readConfig(raw: JsonObject, tensors?: readonly string[]): Config;
  /** What is dropped in training; without, attention probabilities by `attention_dropout`, 0 by default. */
  readonly dropout?: DropoutAttributes;
  /** Which tensor of a checkpoint is which weight. */
  weightTable(config: Config): WeightTable;
  /** The model; its weights are random unless a source is given. */
  build(config: Config, weights?: Weights): Model;
}
