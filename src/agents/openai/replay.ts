import { fieldOf } from '../../errors/thrown.js';

/** Types of text by who said it. */
const TEXT_OF: Readonly<Record<string, string>> = {
  user: 'input_text',
  system: 'input_text',
  assistant: 'output_text',
};

/**
 * Returns the items of a history for another connection to the model: messages as text, and calls of tools. They keep their ids, so that the
 * history does not hold them twice.
 * @param callIds ids of calls by the ids of their items
 */
export const replayOf = (
  history: readonly object[],
  callIds: ReadonlyMap<string, string>,
): readonly object[] =>
  history.flatMap((item) => {
    const id = fieldOf(item, 'itemId');
    if (fieldOf(item, 'type') === 'function_call') {
      const call_id = callIds.get(String(id));
      return call_id === undefined ? [] : callOf(item, id, call_id);
    }
    const role = fieldOf(item, 'role');
    const content = fieldOf(item, 'content');
    const type = typeof role === 'string' ? TEXT_OF[role] : undefined;
    if (type === undefined || !Array.isArray(content)) return [];
    const text = content.map(textOf).join('');
    return text === '' ? [] : [{ id, type: 'message', role, content: [{ type, text }] }];
  });

/** A call, and its output where there is one. */
function callOf(item: object, id: unknown, call_id: string): object[] {
  const [name, args, output] = ['name', 'arguments', 'output'].map((key) => fieldOf(item, key));
  const call = { id, type: 'function_call', call_id, name, arguments: args };
  return typeof output === 'string'
    ? [call, { type: 'function_call_output', call_id, output }]
    : [call];
}

function textOf(part: unknown): string {
  const text = fieldOf(part, 'text') ?? fieldOf(part, 'transcript');
  return typeof text === 'string' ? text : '';
}
