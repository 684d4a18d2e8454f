/**
 * The base of all our layers: a TensorFlow.js layer that is built when it is made.
 *
 * The sizes of a Transformer's weights follow from its config, not from its first input, so there is nothing to wait for.
 * All else is TensorFlow.js: `apply`, `getWeights`, `countParams`, `tf.model`, `getConfig` and `fromConfig` work as usual.
 * Inside a model, layers call each other's `call` directly; `apply` adds bookkeeping that only outsiders need.
 */

import {
  dispose,
  initializer,
  Layer,
  type LayerConfig,
  type LayerInputs,
  type LayerVariable,
  type Tensor,
} from "../tensor.ts";
import { randomWeights, type Weights } from "./weights.ts";

export interface LayerOptions {
  /** Full dotted name, for instance `blocks.0.attention.query`: also the prefix of the names of its weights. */
  readonly name: string;
  /** Where the weights come from; random ones by default. */
  readonly weights?: Weights | undefined;
}

export abstract class TransformerLayer<Options extends LayerOptions> extends Layer {
  /** What the layer was made from; all of it but the weights can be saved. */
  protected readonly options: Options;
  readonly #source: Weights;
  readonly #children: Layer[] = [];

  constructor(options: Options) {
    super({ name: options.name });
    this.options = options;
    this.#source = options.weights ?? randomWeights(0);
    this.built = true;
    this._refCount = 1;
  }

  /** A weight of this layer. The variable shares the memory of the tensor that the source gave, which is let go. */
  protected parameter(name: string, shape: readonly number[]): LayerVariable {
    const full = `${this.name}.${name}`;
    const value = this.#source(full, shape);
    const variable = this.addWeight(
      full,
      [...shape],
      "float32",
      initializer(() => value),
    );
    dispose(value);
    return variable;
  }

  /** A tensor that cannot be trained: it follows from the options, or its numbers are whole. The layer owns it. */
  protected constant(name: string, value: Tensor): LayerVariable {
    const fixed = initializer(() => value);
    const variable = this.addWeight(`${this.name}.${name}`, value.shape, value.dtype, fixed, undefined, false);
    dispose(value);
    return variable;
  }

  /** A layer inside this one: its weights are counted, saved and disposed of with this layer's own. */
  protected child<L extends Layer>(layer: L): L {
    this.#children.push(layer);
    return layer;
  }

  override get trainableWeights(): LayerVariable[] {
    return [...super.trainableWeights, ...this.#children.flatMap((layer) => layer.trainableWeights)];
  }

  override set trainableWeights(weights: LayerVariable[]) {
    super.trainableWeights = weights;
  }

  /** Fixed tables. TensorFlow.js asks for them here, too, when all weights are frozen; ours never are. */
  override get nonTrainableWeights(): LayerVariable[] {
    return [...super.nonTrainableWeights, ...this.#children.flatMap((layer) => layer.nonTrainableWeights)];
  }

  override set nonTrainableWeights(weights: LayerVariable[]) {
    super.nonTrainableWeights = weights;
  }

  override getConfig(): LayerConfig {
    const { weights: _source, ...options } = this.options;
    return { ...super.getConfig(), ...(options as LayerConfig) };
  }
}

/** Lets go of the weights of a model's layers. */
export function disposeLayers(layers: readonly Layer[]): void {
  for (const layer of layers) layer.dispose();
}

/** The one tensor of a layer's inputs, which TensorFlow.js may wrap in an array. */
export function single(inputs: LayerInputs): Tensor {
  if (!Array.isArray(inputs)) return inputs;
  const [input] = inputs;
  if (input === undefined || inputs.length !== 1) {
    throw new RangeError(`expected one input tensor, received ${inputs.length}`);
  }
  return input;
}

/** The two tensors of a layer that has two inputs. */
export function pair(inputs: LayerInputs): readonly [Tensor, Tensor] {
  const [first, second, ...others] = Array.isArray(inputs) ? inputs : [inputs];
  if (first === undefined || second === undefined || others.length > 0) {
    throw new RangeError(`expected two input tensors, received ${Array.isArray(inputs) ? inputs.length : 1}`);
  }
  return [first, second];
}
