/** What a conversation consists of. */

/** A part of a message, as templates of models with several kinds of input want them. */
export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/** A message of a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, `tool`: what the template knows. */
  readonly role: string;
  readonly content?: string | readonly TextPart[] | null;
  /** Whatever else the template reads, such as `tool_calls`. */
  readonly [name: string]: unknown;
}
