import { createRequire } from 'node:module';
import { fieldOf } from '../../errors/thrown.js';
import { pcmFromBytes } from '../../media/pcm.js';

/** Its detector's name for the model of ends of turns. */
const END_OF_TURN = 'lk_eot_audio';
const PACKAGE = '@livekit/agents';
/** A dependency of it, which package managers may keep from others. */
const MODELS = '@livekit/local-inference';

interface Models {
  initEot(): void;
  predict(pcm: Int16Array): Promise<number>;
}

/** A result of {@link LocalInference}. */
export interface EndOfTurn {
  /** From 0 to 1. */
  readonly probability: number;
  readonly inferenceDurationMs: number;
}

/** An `InferenceExecutor` of `@livekit/agents`. */
export interface LocalInference {
  /** @throws {Error} for other methods than that of its turn detector */
  doInference(method: string, data: unknown): Promise<EndOfTurn>;
}

/**
 * Runs the model of LiveKit's turn detector in this process, for `inference.TurnDetector` outside of a LiveKit worker. Without it that detector takes every
 * pause for the end of a turn. The model is part of `@livekit/agents`: nothing is downloaded.
 *
 * Loads the model at once, which holds the process for some 0.2 s and takes 250 MB: call it once, when the application starts.
 *
 * Requires the package `@livekit/agents`.
 *
 * @throws {Error} with the install line, when it is missing; and where its model cannot be loaded
 *
 * @example
 * ```ts
 * class SupportBot extends BotLauncher {
 *   private readonly executor = localInference();
 *
 *   // In launch(), one for each session:
 *   // turnHandling: { turnDetection: new inference.TurnDetector({ version: 'v1-mini', executor: this.executor }) }
 * }
 * ```
 */
export function localInference(): LocalInference {
  const models = loadModels();
  models.initEot();
  return {
    async doInference(method, data) {
      const pcm = fieldOf(data, 'pcm');
      if (method !== END_OF_TURN || typeof pcm !== 'string') {
        throw new Error(`localInference() runs ${END_OF_TURN} with pcm in base64, not ${method}`);
      }
      const beganMs = performance.now();
      const probability = await models.predict(pcmFromBytes(Buffer.from(pcm, 'base64')));
      return { probability, inferenceDurationMs: performance.now() - beganMs };
    },
  };
}

function loadModels(): Models {
  const here = createRequire(import.meta.url);
  let engine: string;
  try {
    engine = here.resolve(PACKAGE);
  } catch (cause) {
    throw new Error(`localInference() needs ${PACKAGE}: npm install ${PACKAGE}`, { cause });
  }
  return createRequire(engine)(MODELS) as Models;
}
