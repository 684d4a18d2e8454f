/**
 * What methods that take the inside of a model apart need of it, found out by a pass over one token. So a model that does not
 * have it is refused before anything is generated or attributed.
 */

import { UnsupportedError } from "../../errors.ts";
import type { ModelTrait } from "../../method/method.ts";
import type { Model } from "../../model/model.ts";
import type { Sites } from "../../model/sites.ts";
import { repeat } from "../../ops/repeat.ts";
import {
  abs,
  add,
  concat,
  dispose,
  div,
  int32,
  keep,
  max,
  maximum,
  mul,
  readFloats,
  scalar,
  slice,
  sub,
  type Tensor,
  tidy,
  zerosLike,
} from "../../tensor.ts";
import { nameOfSite } from "../gradient/siteSelection.ts";

export interface ModelTraits {
  /** What each trait says of this model: null if it has it, else where it fails. */
  readonly lacks: Readonly<Record<ModelTrait, string | null>>;
  /** H·K, the most numbers of all heads of a layer side by side. */
  readonly headsWidth: number;
}

/** Of the largest number: rounding is far below, a normalisation or a soft cap far above. */
const GAP = 1e-2;

/** Traits of a model follow from its weights, which do not change. */
const known = new WeakMap<Model, ModelTraits>();

export async function traitsOf(model: Model): Promise<ModelTraits> {
  const found = known.get(model) ?? (await findTraits(model));
  known.set(model, found);
  return found;
}

/** @throws UnsupportedError when the model lacks what a method needs */
export async function checkTraits(model: Model, methodId: string, needs: readonly ModelTrait[]): Promise<void> {
  // A graph, of which nothing inside is known, refuses this pass whatever the method needs.
  const { lacks } = await traitsOf(model);
  for (const need of needs) {
    const lack = lacks[need];
    if (lack === null) continue;
    throw new UnsupportedError(
      `${methodId}: expected a model ${expected[need]}, received ${model.facts.type}, where ${lack}; ${advice[need]}`,
    );
  }
}

const expected: Readonly<Record<ModelTrait, string>> = {
  affineAttention: "whose attention's output is an affine function of its heads",
  residualStream: "whose blocks add to what enters them",
  affineHead: "whose logits are an affine function of its last normalised states",
};

const advice: Readonly<Record<ModelTrait, string>> = {
  affineAttention: "take value_zeroing for this model",
  residualStream: "take layer_gradient_x_activation for this model",
  affineHead: "take layer_gradient_x_activation for this model",
};

/** Rows of the pass: clean, all heads zero, half of the clean heads. */
const ROWS = 3;
/** Of the last states: a soft cap shows where logits are large. */
const FAR = 100;

async function findTraits(model: Model): Promise<ModelTraits> {
  const gaps: { readonly trait: ModelTrait; readonly lack: string; readonly gap: Tensor }[] = [];
  const tell = (trait: ModelTrait, lack: string, a: Tensor, b: Tensor, scale: Tensor) => {
    const gap = tidy(() => div(max(abs(sub(a, b))), maximum(max(abs(scale)), scalar(1e-30))));
    gaps.push({ trait, lack, gap: keep(gap) });
  };
  const headsWidth = tidy(() => runOneToken(model, tell));
  const lacks: { -readonly [T in ModelTrait]: string | null } = {
    affineAttention: null,
    residualStream: null,
    affineHead: null,
  };
  for (const { trait, lack, gap } of gaps) {
    const [value = Number.NaN] = await readFloats(gap);
    if (!(value < GAP)) lacks[trait] ??= lack;
  }
  dispose(gaps.map(({ gap }) => gap));
  return { lacks, headsWidth };
}

/** Tells what should be equal, and how large what it is compared with is. Gives the widest layer's H·K. */
function runOneToken(
  model: Model,
  tell: (trait: ModelTrait, lack: string, a: Tensor, b: Tensor, scale: Tensor) => void,
): number {
  const row = (x: Tensor, r: number): Tensor => {
    const [, ...rest] = x.shape;
    return slice(x, [r, ...rest.map(() => 0)], [1, ...rest]);
  };
  let headsWidth = 0;
  let stream: Tensor | undefined;
  let last: Tensor | undefined;
  const sites: Sites = {
    wants: ({ name }) => ["blockInput", "headOutput", "attentionOutput", "mlpOutput", "blockOutput"].includes(name),
    visit(site, x) {
      const clean = row(x, 0);
      if (site.name === "headOutput") {
        headsWidth = Math.max(headsWidth, (x.shape[1] ?? 0) * (x.shape[3] ?? 0));
        return concat([clean, zerosLike(clean), mul(clean, scalar(0.5))], 0);
      }
      const lack = `${nameOfSite(site)} is normalised`;
      if (site.name === "attentionOutput") {
        const half = mul(add(clean, row(x, 1)), scalar(0.5));
        tell("affineAttention", lack, row(x, 2), half, sub(clean, row(x, 1)));
      }
      if (site.name === "blockOutput") {
        if (stream !== undefined) tell("residualStream", lack, clean, stream, clean);
        last = clean;
      } else {
        stream = site.name === "blockInput" ? clean : add(stream ?? clean, clean);
      }
      return repeat(clean, ROWS);
    },
  };
  const embedded = (embed: (ids_11: Tensor) => Tensor): Tensor => repeat(embed(int32([0], [1, 1])), ROWS);
  const targets_B = int32(Array.from({ length: ROWS }, () => 0));
  if (model.kind === "decoder-only") {
    model.forward({ embeddings_BTD: embedded((ids) => model.embed(ids)), targets_B, sites });
  } else {
    const states = model.encode({ embeddings_BSD: embedded((ids) => model.embedSource(ids)), sites });
    model.decode({ embeddings_BTD: embedded((ids) => model.embedTarget(ids)), targets_B, sites }, states);
  }
  if (last !== undefined) {
    const normalized = model.readout.normalize(last);
    const logits = (factor: number): Tensor => model.readout.logits(mul(normalized, scalar(factor)));
    const constant = logits(0);
    const [once, twice] = [sub(logits(FAR), constant), sub(logits(2 * FAR), constant)];
    tell("affineHead", "logits have a soft cap", twice, mul(once, scalar(2)), twice);
  }
  return headsWidth;
}
