import { fieldOf } from '../../errors/thrown.js';

/** Types of text by who said it. */
const TEXT_OF: Readonly<Record<string, string>> = {
  user: 'input_text',
  system: 'input_text',
  assistant: 'output_text',
};

/** Returns the messages of a history, as text, for another connection to the model. Calls of tools are left out: their answers are in the messages. */
export function replayOf(history: readonly object[]): readonly object[] {
  return history.flatMap((item) => {
    const role = fieldOf(item, 'role');
    const content = fieldOf(item, 'content');
    const type = typeof role === 'string' ? TEXT_OF[role] : undefined;
    if (type === undefined || !Array.isArray(content)) return [];
    const text = content.map(textOf).join('');
    return text === '' ? [] : [{ type: 'message', role, content: [{ type, text }] }];
  });
}

function textOf(part: unknown): string {
  const text = fieldOf(part, 'text') ?? fieldOf(part, 'transcript');
  return typeof text === 'string' ? text : '';
}
