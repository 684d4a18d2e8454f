/**
 * A unit inside the model as what is explained, instead of a function of the logits (neuron attribution: Leino et al. 2018,
 * arXiv 1802.03788; Shrikumar, Su and Kundaje 2018, arXiv 1807.09946): its activation at the position that predicts each
 * token.
 *
 * To everything else it looks like a model whose logits are the site's activation and whose token is the unit.
 */

import { OptionError } from "../../errors.ts";
import type { Model } from "../../model/model.ts";
import type { Site } from "../../model/sites.ts";
import { repeat } from "../../ops/repeat.ts";
import { select } from "../../ops/select.ts";
import { int32, type Tensor } from "../../tensor.ts";
import type { Runner } from "../runner/runner.ts";
import { tokenSitesOf } from "./attributedPlaces.ts";
import { seeing } from "./siteAccess.ts";
import { selectSites } from "./siteSelection.ts";

/** A unit inside the model, whose value is explained in place of a score. */
export interface Neuron {
  /** A site of the decoder, as `targetLayer` has it, of one layer: `decoder.3.mlpOutput`, `transformer.h[3].mlp`. */
  readonly layer: string;
  /** Which number of the activation, from 0; of sites with heads all heads' numbers stand side by side. */
  readonly unit: number;
}

/**
 * The site of a neuron.
 * @throws OptionError when it is not one site of the decoder's own tokens, or has no such unit
 */
export function siteOf(model: Model, { layer, unit }: Neuron): Site {
  const visited = tokenSitesOf(model);
  const [site, ...others] = selectSites(
    layer,
    visited.map((place) => place.site),
  );
  const place = visited.find((other) => other.site === site);
  if (site === undefined || others.length > 0 || place?.side !== "target") {
    throw new OptionError(
      `neuron: expected one layer of the decoder, whose tokens predict the next ones, received "${layer}"`,
    );
  }
  if (Number.isInteger(unit) && unit >= 0 && unit < place.width) return site;
  throw new OptionError(`neuron: expected a unit from 0 to ${place.width - 1} of ${layer}, received ${unit}`);
}

/** A runner whose logits are the activation of a site. */
export function neuronRunner(runner: Runner, site: Site): Runner {
  const logits: Runner["logits"] = (rows, positions_R) => {
    const seen: Tensor[] = [];
    runner.logits(rows, positions_R, seeing(site, seen));
    return select(seen[0] as Tensor, int32(positions_R));
  };
  const logitsAtEach: Runner["logitsAtEach"] = (points, positions_KN) => {
    const N = positions_KN[0]?.length ?? 0;
    return logits(
      points.map((x_KSD) => repeat(x_KSD, N)),
      positions_KN.flat(),
    );
  };
  return {
    ...runner,
    logits,
    logitsAtEach,
    logitsAtAll(points, positions_N) {
      const K = points[0]?.shape[0] ?? 0;
      return logitsAtEach(
        points,
        Array.from({ length: K }, () => positions_N),
      );
    },
  };
}
