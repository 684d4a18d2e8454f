/** The context that the attributed function is compared in: its own pass, unless another one is asked for. */

import { OptionError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import type { Tensor } from "../tensor.ts";
import type { AttributionRequest } from "./engine.ts";
import type { Sequence } from "./sequence.ts";
import { sharesInputs } from "./sharedContrast.ts";
import { type ContrastContext, constantContext, sharedContext } from "./target.ts";
import { inSameContext } from "./texts/contrast.ts";

/** One for each foil; undefined for comparisons within the same pass. */
export function attributedContexts(
  model: Model,
  sequence: Sequence,
  { attributed, attributeTarget, contrasts, contrastForceInputs }: AttributionRequest,
  contrast_FGV: readonly (Tensor | undefined)[],
): (ContrastContext | undefined)[] | undefined {
  if (!contrastForceInputs || attributed.score.contrast === "none") return undefined;
  return contrasts.map((contrast, i) => {
    if (inSameContext(contrast)) return undefined;
    if (sharesInputs(model, contrast, attributeTarget)) return sharedContext(model, sequence, contrast);
    const logits_GV = contrast_FGV[i];
    return logits_GV && constantContext(logits_GV);
  });
}

/** @throws OptionError when the attributed function has no gradient */
export function checkDifferentiable({ attributed, methodId }: AttributionRequest): void {
  if (attributed.score.differentiable) return;
  throw new OptionError(
    `attributedFn: expected a differentiable function for ${methodId}, received "${attributed.id}"; use it as a step ` +
      "score, or a perturbation method (occlusion, kernel_shap), which needs no gradient",
  );
}

/** @throws OptionError when the attributed function does not depend on the attributed inputs as asked */
export function checkContext(model: Model, request: AttributionRequest): void {
  const { attributed, attributeTarget, contrasts, contrastForceInputs } = request;
  const { id, score } = attributed;
  if (score.contrast === "context" && !contrastForceInputs) {
    throw new OptionError(`attributedFn: "${id}" compares two contexts; set contrastForceInputs: true`);
  }
  if (score.samples) {
    throw new OptionError(
      `attributedFn: "${id}" is computed from passes with dropout, which no method goes through; use it as a step score`,
    );
  }
  if (contrastForceInputs && contrasts.length > 0 && (id === "contrast_logits" || id === "contrast_prob")) {
    if (contrasts.some((contrast) => sharesInputs(model, contrast, attributeTarget))) return;
    throw new OptionError(
      `attributedFn: with contrastForceInputs "${id}" does not depend on the inputs to be attributed; leave it out, or ` +
        `attribute the difference "${id}_diff"`,
    );
  }
}

export function attributesTarget(model: Model, { attributeTarget }: AttributionRequest): boolean {
  return attributeTarget || model.kind === "decoder-only";
}

/** @throws OptionError when the attributed function has no gradient with respect to the inputs */
export function checkAttributable(model: Model, request: AttributionRequest): void {
  const { attributed, contrastForceInputs, method, methodId } = request;
  checkDifferentiable(request);
  if (request.output !== null && method.on === "sites" && model.facts.dependsOnLength) {
    throw new OptionError(
      `outputSpans: expected a method that attributes inputs, received ${methodId}: activations of this model depend on the ` +
        "length of the text, so that the tokens of a span do not see the same ones",
    );
  }
  if (contrastForceInputs && method.on === "sites" && attributed.score.contrast !== "none") {
    throw new OptionError(
      `contrastForceInputs: expected a method that attributes inputs, received ${methodId}: what is inside the model for one ` +
        "context is not there in the other; leave it out to compare tokens in the same context",
    );
  }
  checkContext(model, request);
}
