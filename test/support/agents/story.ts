/** A question, and a story that is long enough to be interrupted. */
export const STORY = 'Please tell me a long story.';
export const TALE =
  'Once upon a time there was a miller who had three sons and one small donkey and when the miller died the sons shared out what he had left to them.';
/** An interruption, and its answer. */
export const STOP = 'Please stop talking to me now.';
export const STOPPED = 'All right, I have stopped.';
