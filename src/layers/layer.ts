/**
 * The base of all our layers: a TensorFlow.js layer that is built when it is made.
 *
 * The sizes of a Transformer's weights follow from its config, not from its first input, so there is nothing to wait for.
 * All else is TensorFlow.js: `apply`, `getWeights`, `countParams`, `tf.model`, `getConfig` and `fromConfig` work as usual.
 * Inside a model, layers call each other's `call` directly; `apply` adds bookkeeping that only outsiders need.
 */

import type { CompactMatrix } from "../ops/compactLinear.ts";
import type { CompactFormat } from "../ops/compactMatrix.ts";
import {
  dispose,
  initializer,
  Layer,
  type LayerConfig,
  type LayerInputs,
  type LayerVariable,
  type Serializable,
  type SerializableConstructor,
  type Tensor,
} from "../tensor.ts";
import { compactRandomWeights, randomWeights, type Weights } from "./weights.ts";

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
  /** How its own matrices are stored, where not in float32, by their full names. */
  readonly #formats: Record<string, CompactFormat> = {};

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

  /** A matrix that the source has in fewer bits; undefined where it is a parameter. It cannot be trained. */
  protected compactMatrix(name: string, shape: readonly number[]): (() => CompactMatrix) | undefined {
    const full = `${this.name}.${name}`;
    const matrix = this.#source.compact?.(full, shape);
    if (matrix === undefined) return undefined;
    this.#formats[full] = matrix.format;
    const [words, scales] = [
      this.constant(`${name}.words`, matrix.words),
      this.constant(`${name}.scales`, matrix.scales),
    ];
    return () => ({ ...matrix, words: words.read(), scales: scales.read() });
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
    const formats = this.#allFormats();
    const stored = Object.keys(formats).length > 0 ? { [FORMATS]: formats } : {};
    return { ...super.getConfig(), ...(options as LayerConfig), ...stored };
  }

  /** The layer that a config describes, with random weights, stored as those of the layer that the config is of. */
  static override fromConfig<T extends Serializable>(Class: SerializableConstructor<T>, config: LayerConfig): T {
    const { [FORMATS]: formats, ...options } = config;
    if (formats === undefined) return new Class(options);
    const weights = compactRandomWeights(0, formats as Readonly<Record<string, CompactFormat>>);
    return new Class({ ...options, weights } as LayerConfig & { weights: Weights });
  }

  #allFormats(): Readonly<Record<string, CompactFormat>> {
    const inside = this.#children.map((layer) => (layer instanceof TransformerLayer ? layer.#allFormats() : {}));
    return Object.assign({}, ...inside, this.#formats) as Readonly<Record<string, CompactFormat>>;
  }
}

/** Where a config says which matrices are stored in fewer bits. */
const FORMATS = "storedAs";

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
