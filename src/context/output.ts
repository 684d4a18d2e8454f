/** The result of attributing a context, with its files and views. */

import { OptionError } from "../errors.ts";
import { fileExists, readBytes, writeFileAtomically } from "../platform/node.ts";
import { type ContextHtmlOptions, renderContextHtml } from "../render/contextHtml.ts";
import { type ContextTerminalOptions, renderContextTerminal } from "../render/contextTerminal.ts";
import type { AttributionInfo } from "../result/attribution.ts";
import type { ContextAttribution, ContextualCues } from "../result/contextAttribution.ts";
import { fromContextJson, toContextJson } from "../result/contextJson.ts";

/** What an output owes to its contexts. It is a `ContextAttribution`, plain data, with files and views. */
export class AttributeContextOutput implements ContextAttribution {
  readonly inputContext: string | null;
  readonly inputContextTokens: readonly string[] | null;
  readonly outputContext: string | null;
  readonly outputContextTokens: readonly string[] | null;
  readonly outputCurrent: string;
  readonly outputCurrentTokens: readonly string[];
  readonly ctiScores: readonly number[];
  readonly cciScores: readonly ContextualCues[];
  readonly info: AttributionInfo | null;

  constructor(data: ContextAttribution) {
    this.inputContext = data.inputContext;
    this.inputContextTokens = data.inputContextTokens;
    this.outputContext = data.outputContext;
    this.outputContextTokens = data.outputContextTokens;
    this.outputCurrent = data.outputCurrent;
    this.outputCurrentTokens = data.outputCurrentTokens;
    this.ctiScores = data.ctiScores;
    this.cciScores = data.cciScores;
    this.info = data.info;
  }

  /**
   * Reads a file of ours or of Inseq.
   * @throws FileError when there is no such file, or it is damaged or something else.
   */
  static async load(path: string): Promise<AttributeContextOutput> {
    return AttributeContextOutput.deserialize(new TextDecoder().decode(await readBytes(path)), path);
  }

  /** The result in a file's text; `where` names it in errors. */
  static deserialize(text: string, where?: string): AttributeContextOutput {
    return new AttributeContextOutput(fromContextJson(text, where));
  }

  /** The text of a file that Inseq reads. */
  serialize(): string {
    return toContextJson(this);
  }

  /**
   * Writes such a file, which is complete or not there.
   * @throws OptionError when the file exists and `overwrite` is not set.
   */
  async save(path: string, { overwrite = false }: { readonly overwrite?: boolean } = {}): Promise<void> {
    if (!overwrite && (await fileExists(path))) {
      throw new OptionError(`${path}: expected a new file, but it exists; choose another name or set overwrite`);
    }
    await writeFileAtomically(path, this.serialize(), { overwrite });
  }

  /** Text for a terminal: each dependent token in the output, and the tokens of the contexts that stand out for it. */
  show(options: ContextTerminalOptions = {}): string {
    return renderContextTerminal(this, options);
  }

  /** A standalone page: the output, and for each dependent token the contexts. */
  toHTML(options: ContextHtmlOptions = {}): string {
    return renderContextHtml(this, options);
  }
}
