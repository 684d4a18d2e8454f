/** A model that has learnt nothing, for the parameter-randomisation check (Adebayo et al. 2018, arXiv 1810.03292). */

import type { AttributionModel } from "../attributionModel.ts";
import { UnsupportedError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { Random } from "../random.ts";
import { dispose, readFloats, tensor } from "../tensor.ts";

/**
 * Replaces every weight by a number drawn from a normal distribution with the mean and the deviation that the numbers of
 * its parameter have: the scale of activations stays, what was learnt is gone. The model is changed, so load one for it.
 * @throws UnsupportedError for a model whose matrices are stored in fewer bits
 */
export async function randomizeParameters(model: AttributionModel, seed = 0): Promise<void> {
  const { layers } = model.model;
  if (layers.some(({ nonTrainableWeights }) => nonTrainableWeights.some(({ name }) => name.includes("kernel.words")))) {
    throw new UnsupportedError(
      "randomizeParameters: expected a model in float32, received one in fewer bits; load it without quantize and dtype",
    );
  }
  await model.inTurn(() => randomize(layers, seed));
}

async function randomize(layers: Model["layers"], seed: number): Promise<void> {
  // A weight that several layers share is one parameter.
  const parameters = new Set(layers.flatMap(({ trainableWeights }) => trainableWeights));
  let stream = 0;
  for (const parameter of parameters) {
    const value = parameter.read();
    const values = await readFloats(value);
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length;
    const variance = values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length;
    const random = new Random(seed, stream++);
    const drawn = values.map(() => mean + Math.sqrt(variance) * random.normal());
    const fresh = tensor(drawn, value.shape);
    parameter.write(fresh);
    dispose(fresh);
  }
}
