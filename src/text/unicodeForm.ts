/** Unicode normalisation forms, with origins kept. */

import { type Edit, rewrite, type TrackedText } from "./trackedText.ts";

export type UnicodeForm = "NFC" | "NFD" | "NFKC" | "NFKD";

/**
 * The text in a normalisation form. Normalisation joins and reorders characters, but only within a cluster: a
 * character with the marks, Hangul letters and half-width sound marks that follow it. So each cluster is normalised on
 * its own, and its characters come from the whole cluster. Should the clusters together ever differ from the text
 * normalised at once, the text is one cluster: the characters stay right, and their origins are coarse.
 */
export function unicodeNormalize(source: TrackedText, form: UnicodeForm): TrackedText {
  const { text } = source;
  const normalized = text.normalize(form);
  if (normalized === text) return source;
  const edits = Array.from(
    text.matchAll(CLUSTER),
    ({ 0: cluster, index }): Edit => ({ start: index, end: index + cluster.length, content: cluster.normalize(form) }),
  ).filter((edit) => edit.content !== text.slice(edit.start, edit.end));
  const clustered = rewrite(source, edits);
  if (clustered.text === normalized) return clustered;
  return rewrite(source, [{ start: 0, end: text.length, content: normalized }]);
}

const FOLLOWERS = "\\p{M}\\u1160-\\u11FF\\uD7B0-\\uD7FF\\uFF9E\\uFF9F\\uFFA0-\\uFFDC";
const CLUSTER = new RegExp(`[^${FOLLOWERS}][${FOLLOWERS}]*|[${FOLLOWERS}]+`, "gu");
