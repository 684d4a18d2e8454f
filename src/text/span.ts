/** Characters `[start, end)` of a text, in UTF-16 code units as JavaScript counts them. */
export type Span = readonly [start: number, end: number];
