/** The public interface of inseq-tfjs: every name a user may rely on. */

export type { AggregateOptions } from "./aggregate/aggregate.ts";
export type { MessageTokens } from "./aggregate/chat.ts";
export { listAggregationFunctions } from "./aggregate/functions.ts";
export { type AggregatorId, listAggregators } from "./aggregate/registry.ts";
export type { Neuron } from "./attribution/gradient/neuron.ts";
export type { AttributeOptions, ContrastOptions, Progress } from "./attribution/options.ts";
export type { InputNoise } from "./attribution/runner/inputNoise.ts";
export type { SpanReduction } from "./attribution/steps.ts";
export type { BaselineChoice, BaselineName } from "./attribution/texts/baseline.ts";
export type { Foil, TopFoils } from "./attribution/texts/foils.ts";
export type { Inputs } from "./attribution/texts/inputs.ts";
export type { LanguageModel } from "./attribution/texts/languageModel.ts";
export type { OutputSpansChoice } from "./attribution/texts/outputSpans.ts";
export type { AttributionModel } from "./attributionModel.ts";
export {
  type AvailableBackend,
  type BackendInUse,
  listBackends,
  type UnavailableBackend,
  useBackend,
} from "./backend/backend.ts";
export type { BackendName } from "./backend/registry.ts";
export { attributeContext } from "./context/attributeContext.ts";
export type {
  ContextOptions,
  ContextQuestions,
  CueOptions,
} from "./context/options.ts";
export { AttributeContextOutput } from "./context/output.ts";
export { listContextSensitivityMetrics } from "./context/request.ts";
export {
  BackendError,
  ConfigError,
  FileError,
  MemoryError,
  NumericError,
  OptionError,
  ShapeError,
  UnsupportedError,
} from "./errors.ts";
export { type Estimate, pairedDifference } from "./evaluate/bootstrap.ts";
export { type DataFormatId, dataFormats, type ModelKind } from "./evaluate/data/formats.ts";
export { type GenerateOptions, inductionItems, needleItems } from "./evaluate/data/generated.ts";
export { type ReadItemsOptions, readItems } from "./evaluate/data/readItems.ts";
export {
  type EvaluatedMetric,
  type EvaluateOptions,
  type Evaluation,
  type EvaluationProgress,
  evaluate,
  type MetricResult,
} from "./evaluate/evaluate.ts";
export { type Cost, type EvaluatedMethod, type FloorId, floors } from "./evaluate/explain.ts";
export { type UnfitItem, unfitItems } from "./evaluate/fit.ts";
export type { FunctionChoice } from "./evaluate/functions.ts";
export type { EvaluationItem } from "./evaluate/item.ts";
export type { Curve, Metric, MetricUnit, Question } from "./evaluate/metric.ts";
export { randomizeParameters } from "./evaluate/randomizeParameters.ts";
export { listMetrics, type MetricId, type MetricOptions, metrics } from "./evaluate/registry.ts";
export { listRemovalOperators, type RemovalOperator } from "./evaluate/removal.ts";
export type { PlayerDescription } from "./evaluate/subject.ts";
export { type Column, columnsOf, compareMethods, type Summary, summarize } from "./evaluate/summary.ts";
export { type Explanation, explain, listExplained } from "./explain.ts";
export { type FileSource, filesFromMemory } from "./files.ts";
export type { Indices } from "./indices.ts";
export { type LoadOptions, loadModel } from "./loadModel.ts";
export type { IndicesByLayer } from "./method/internals/heads.ts";
export { listFeatureAttributionMethods, type MethodId, type MethodOptions } from "./method/registry.ts";
export type { GraphNames } from "./model/graph/places.ts";
export type { DownloadProgress, HubOptions } from "./model/hub/repository.ts";
export {
  FeatureAttributionOutput,
  FeatureAttributionSequenceOutput,
  type LoadOptions as ResultLoadOptions,
  mergeAttributions,
  type SaveOptions,
  type ViewAggregation,
} from "./output.ts";
export type { ContextHtmlOptions } from "./render/contextHtml.ts";
export type { ContextTerminalOptions } from "./render/contextTerminal.ts";
export type { HtmlOptions } from "./render/html.ts";
export { type Plot, type PlotOptions, renderPlot } from "./render/plot.ts";
export { type PngOptions, renderPng } from "./render/png.ts";
export { type Report, type ReportBlock, type ReportSection, type ReportTable, renderReport } from "./render/report.ts";
export type { BarPlot, BarSeries } from "./render/svg/bars.ts";
export type { CurvePlot, CurveSeries } from "./render/svg/curves.ts";
export type { HeatMapPlot } from "./render/svg/heatMap.ts";
export type { Axis } from "./render/svg/scale.ts";
export type { ScatterPlot, ScatterPoint, ScatterSeries } from "./render/svg/scatter.ts";
export type { SvgOptions } from "./render/svg.ts";
export type { TerminalOptions } from "./render/terminal.ts";
export type {
  AggregationRecord,
  Attribution,
  AttributionInfo,
  Completeness,
  Scores,
  SequenceAttribution,
  SequenceKind,
  StepAttribution,
  Token,
} from "./result/attribution.ts";
export type { ContextAttribution, ContextualCues } from "./result/contextAttribution.ts";
export {
  listStepFunctions,
  registerStepFunction,
  type ScoreId,
  type StepFunctionOptions,
} from "./score/registry.ts";
export type { FoilReduction, NextToken, ScoreFunction, ScoreOptions, ScoreStep, Unit } from "./score/score.ts";
export { type Tensor, tensorflow } from "./tensor.ts";
export type { ChatMessage, TextPart } from "./text/chat/message.ts";
export type { ChatOptions, ChatSpan, ChatText } from "./text/chat.ts";
export type { Span } from "./text/span.ts";
export type { Encoding, Tokenizer, TokenizerLanguages } from "./text/tokenizer.ts";
export { version } from "./version.ts";
