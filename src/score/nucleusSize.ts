/** `top_p_size`: how many tokens the model hesitates between. */

import { OptionError } from "../errors.ts";
import { cast, sum } from "../tensor.ts";
import { checkFilter, nucleus } from "./filter.ts";
import type { DescribedScore } from "./score.ts";

export const topPSize: DescribedScore = {
  compute: ({ logits_RV, options }) => {
    if (options.topP === undefined)
      throw new OptionError("top_p_size: expected the option topP in (0, 1], received none");
    checkFilter(options);
    return sum(cast(nucleus(logits_RV, options.topP, options.minTokensToKeep ?? 1).kept, "float32"), -1);
  },
  formula: "size of the smallest set of tokens with probability ≥ topP",
  paper: "Holtzman et al. 2020, arXiv 1904.09751",
  goodFor: "how many tokens the model hesitates between",
  badFor: "gradient methods: it is a count and has no gradient (perturbation methods can attribute it)",
  unit: "choices",
  contrast: "none",
  differentiable: false,
  options: ["topP", "minTokensToKeep"],
};
