/** The attributed function as methods that read the inside of a model see it: of states, not of logits. */

import { OptionError } from "../../errors.ts";
import type { Explained } from "../../method/internals/internals.ts";
import type { InternalsMethod } from "../../method/method.ts";
import type { MethodOptions } from "../../method/registry.ts";
import type { Model } from "../../model/model.ts";
import { select } from "../../ops/select.ts";
import {
  add,
  cast,
  clone,
  expandDims,
  grads,
  greater,
  int32,
  mul,
  scalar,
  sub,
  sum,
  type Tensor,
  tidy,
} from "../../tensor.ts";
import type { ScoreRequest } from "../engine.ts";
import { singleSteps } from "../steps.ts";
import { createTarget, type StepTokens } from "../target.ts";

/** Attributed functions that are linear in the logits. */
const linear = ["logit", "contrast_logits", "contrast_logits_diff"];

/** @throws OptionError when the attributed function is none that the method explains */
export function checkExplainedInside(
  methodId: string,
  { explains }: Pick<InternalsMethod<MethodOptions>, "explains">,
  { id, score, options }: ScoreRequest,
  contrastForceInputs: boolean,
): void {
  if (explains === "nothing") return;
  if (score.contrast === "context" || (contrastForceInputs && score.contrast !== "none")) {
    throw new OptionError(
      `contrastForceInputs: expected a method that attributes inputs, received ${methodId}: what is inside the model for one ` +
        "context is not there in the other; compare tokens in the same context",
    );
  }
  if (score.samples) {
    throw new OptionError(`attributedFn: "${id}" is computed from passes with dropout; use it as a step score`);
  }
  if (explains === "logits" && options.foilReduction === "logsumexp") {
    throw new OptionError(
      `foilReduction: expected mean or sum for ${methodId}, which divides what is linear in the logits`,
    );
  }
  if (explains === "logits" && !linear.includes(id)) {
    throw new OptionError(
      `attributedFn: expected one of ${linear.join(", ")} for ${methodId}, which divides what is linear in the logits, ` +
        `received "${id}"`,
    );
  }
  if (explains === "differentiable" && !score.differentiable) {
    throw new OptionError(`attributedFn: expected a differentiable function for ${methodId}, received "${id}"`);
  }
}

export function explainedBy({ readout }: Model, { score, options }: ScoreRequest, tokens: StepTokens): Explained {
  const target = createTarget({ score, options }, tokens, singleSteps(0, tokens.targets.length));
  return {
    score: (states_GD) => tidy(() => target.score(readout.logits(readout.normalize(states_GD)), 1, () => [])),

    rank: (states_GD) =>
      tidy(() => {
        const logits_GV = readout.logits(readout.normalize(states_GD));
        const chosen_G1 = expandDims(select(logits_GV, int32(tokens.targets)), 1);
        return add(sum(cast(greater(logits_GV, chosen_G1), "float32"), 1), scalar(1));
      }),

    direction: (states_GD) =>
      tidy(() => {
        const explain = (normalized_GD: Tensor) => target.score(readout.logits(normalized_GD), 1, () => []);
        // A copy is differentiated, so that the statistics, which are those of the state itself, are held.
        const f = (parts_GD: Tensor): Tensor => sum(explain(readout.linearized(parts_GD, states_GD)));
        const [directions_GD = states_GD] = grads(f)([clone(states_GD)]);
        const whole_G = explain(readout.normalize(states_GD));
        return { directions_GD, constants_G: sub(whole_G, sum(mul(directions_GD, states_GD), 1)) };
      }),
  };
}
