import workletsUrl from './worklets.ts?worker&url';

let loaded: Promise<AudioContext> | undefined;

/**
 * The page's one audio context, with the worklets in it. Ask for it when the user has clicked something: browsers let no page
 * make or take sound before.
 */
export async function audioContext(): Promise<AudioContext> {
  const context = await (loaded ??= load());
  // Not waited for: where there is nothing to play on, it never comes, and one can still read what the bot says.
  if (context.state === 'suspended') void context.resume();
  return context;
}

async function load(): Promise<AudioContext> {
  if (!isSecureContext) {
    throw new Error(
      'Browsers give sound and microphones only to pages from https:// or localhost.',
    );
  }
  const context = new AudioContext({ latencyHint: 'interactive' });
  await context.audioWorklet.addModule(workletsUrl);
  return context;
}
