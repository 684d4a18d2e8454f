/**
 * What is attributed: embeddings, or activations inside the model. For each place a grid of scores on the host, and which
 * of them belong to the source and which to the target.
 *
 * Letters: S attributed tokens, G steps, L places, D width.
 */

import { OptionError } from "../../errors.ts";
import type { LayerOptions } from "../../method/layer/layerMethods.ts";
import type { Model } from "../../model/model.ts";
import type { Site } from "../../model/sites.ts";
import type { Scores } from "../../result/attribution.ts";
import { int32, type Tensor, tidy } from "../../tensor.ts";
import type { AttributionRequest } from "../engine.ts";
import type { Sequence } from "../sequence.ts";
import { stepsOf, targetRows, tokensSeen } from "../steps.ts";
import { createGrid, type ScoreGrid } from "./scoreGrid.ts";
import { listing } from "./siteAccess.ts";
import { isTokenSite, selectSites } from "./siteSelection.ts";

type Side = "source" | "target";

type Asked = Pick<AttributionRequest, "attributeTarget" | "output" | "widthReduction">;

/** A place whose activation is attributed. */
interface Place {
  /** Which tokens it has a vector for: those of the source, or those of the target prefix. */
  readonly side: Side;
  readonly width: number;
}

export interface AttributedPlaces {
  /** Sites inside the model; null for the embeddings. */
  readonly sites: readonly Site[] | null;
  /** One for each place, in the order in which a method answers. */
  readonly grids: readonly ScoreGrid[];
  /** [S, G, D], or [S, G, L, D] if there are several places; D is 1 where the width was reduced. */
  scores(side: Side): Scores | null;
  /** [G] What the scores of each step add up to; of several places on one side their mean. */
  totals(): Float64Array;
}

/** The embeddings of the source and, if it is attributed, of the target; of decoder-only models those of the one text. */
export function embeddingPlaces(model: Model, sequence: Sequence, asked: Asked): AttributedPlaces {
  const { width } = model.facts;
  const sides: Side[] =
    model.kind === "decoder-only" ? ["target"] : asked.attributeTarget ? ["source", "target"] : ["source"];
  return withGrids(
    null,
    sides.map((side) => ({ side, width })),
    sequence,
    asked,
  );
}

/**
 * The sites that the options name, or the embeddings when they name none.
 * @throws OptionError when a name is none of a site, or sites of different widths are asked for together
 */
export function sitePlaces(model: Model, sequence: Sequence, asked: Asked, options: LayerOptions): AttributedPlaces {
  const places = chosenPlaces(model, options);
  if (places === null) return embeddingPlaces(model, sequence, asked);
  return withGrids(
    places.map(({ site }) => site),
    places,
    sequence,
    asked,
  );
}

type SitePlace = Place & { readonly site: Site };

/**
 * The sites that the options name, found by a run over one token; null when they name none.
 * @throws OptionError as `sitePlaces`
 */
export function chosenPlaces(
  model: Model,
  { targetLayer, attributeToLayerInput = false }: LayerOptions,
): readonly SitePlace[] | null {
  if (targetLayer === undefined) {
    if (!attributeToLayerInput) return null;
    throw new OptionError(
      "attributeToLayerInput: expected targetLayer beside it, received none; nothing enters embeddings",
    );
  }
  const wanted = typeof targetLayer === "string" ? [targetLayer] : targetLayer;
  if (wanted.length === 0) throw new OptionError("targetLayer: expected at least one layer, received an empty list");
  const visited = tokenSitesOf(model);
  const available = visited.map(({ site }) => site);
  const chosen = wanted.flatMap((name) => selectSites(name, available));
  const sites = attributeToLayerInput ? chosen.map((site) => inputOf(site, available)) : chosen;
  const places = sites.flatMap((site) => visited.filter((other) => other.site === site));
  for (const side of ["source", "target"] as const) {
    const widths = new Set(places.filter((place) => place.side === side).map(({ width }) => width));
    if (widths.size <= 1) continue;
    throw new OptionError(
      `targetLayer: expected layers of one width in a call, received widths ${[...widths].join(", ")}; ask for them apart`,
    );
  }
  return places;
}

/** What enters a block, for the site of what leaves it. */
function inputOf(site: Site, available: readonly Site[]): Site {
  const input = available.find(
    ({ stack, layer, name }) => stack === site.stack && layer === site.layer && name === "blockInput",
  );
  if (site.name === "blockOutput" && input !== undefined) return input;
  throw new OptionError(
    `attributeToLayerInput: expected blocks in targetLayer, whose input is a site, received ${site.name}; name the site ` +
      "that comes before it",
  );
}

/** Sites of a model do not change. */
const known = new WeakMap<Model, readonly SitePlace[]>();

/** Every site of a model that has a vector for each token: a run over one token tells. */
export function tokenSitesOf(model: Model): readonly SitePlace[] {
  const found = known.get(model) ?? findTokenSites(model);
  known.set(model, found);
  return found;
}

function findTokenSites(model: Model): SitePlace[] {
  const found: SitePlace[] = [];
  const sites = listing((site, width) => {
    // Values of cross-attention are vectors of source tokens; all else in the decoder belongs to its own.
    const ofSource = site.stack === "encoder" || (site.attention === "cross" && site.name === "value");
    if (isTokenSite(site)) found.push({ site, width, side: ofSource ? "source" : "target" });
  });
  const run = (): Tensor => {
    const token = int32([0], [1, 1]);
    const targets_B = int32([0]);
    if (model.kind === "decoder-only") return model.forward({ embeddings_BTD: model.embed(token), targets_B, sites });
    const states = model.encode({ embeddings_BSD: model.embedSource(token), sites });
    return model.decode({ embeddings_BTD: model.embedTarget(token), targets_B, sites }, states);
  };
  tidy(() => {
    run();
  });
  return found;
}

/** Source tokens are visible to every step, target tokens only to later ones. */
function withGrids(
  sites: readonly Site[] | null,
  places: readonly Place[],
  sequence: Sequence,
  { output, widthReduction }: Asked,
): AttributedPlaces {
  const steps = stepsOf(sequence, output);
  const G = steps.length;
  const S = sequence.source?.ids.length ?? 0;
  const T = targetRows(sequence, output);
  const grids = places.map(({ side, width }) => {
    const D = widthReduction === undefined ? width : 1;
    return side === "source"
      ? createGrid(side, { S, G, D }, () => S)
      : createGrid(side, { S: T, G, D }, (g) => tokensSeen(sequence, steps[g] ?? []));
  });
  const gridsOf = (side: Side) => grids.filter((_, i) => places[i]?.side === side);
  return {
    sites,
    grids,
    scores: (side) => together(gridsOf(side).map(({ scores }) => scores)),
    totals: () =>
      Float64Array.from({ length: G }, (_, g) =>
        (["source", "target"] as const).reduce((sum, side) => {
          const parts = gridsOf(side).map(({ totals }) => totals[g] ?? 0);
          return sum + parts.reduce((one, other) => one + other, 0) / Math.max(1, parts.length);
        }, 0),
      ),
  };
}

/** Several [S, G, D] as [S, G, L, D]. */
function together(scores: readonly Scores[]): Scores | null {
  const [first] = scores;
  if (first === undefined || scores.length === 1) return first ?? null;
  const [S = 0, G = 0, D = 0] = first.shape;
  const L = scores.length;
  const values = new Float32Array(S * G * L * D);
  for (const [l, { values: part }] of scores.entries()) {
    for (let cell = 0; cell < S * G; cell++) values.set(part.subarray(cell * D, (cell + 1) * D), (cell * L + l) * D);
  }
  return { shape: [S, G, L, D], values };
}
