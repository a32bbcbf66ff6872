import { ArrayMaxSize, IsArray, IsIn, IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import { AUDIO_RATES_HZ, pcmFromBytes } from '../../media/pcm.js';
import { BASE64, bytesFromBase64 } from './base64.js';

/** Limit of pieces in a message. */
const MAX_PIECES = 1_000;
const message = `base64AudioBatch must be a list of base64, at most ${MAX_PIECES}`;

/** `raw-audio` and `raw-audio-batch`: audio of the user in 16-bit PCM. */
export class RawAudio {
  @IsOptional()
  @Matches(BASE64, { message: 'base64Audio must be base64' })
  base64Audio?: string;

  @IsOptional()
  @IsArray({ message })
  @ArrayMaxSize(MAX_PIECES, { message })
  @Matches(BASE64, { each: true, message })
  base64AudioBatch?: string[];

  /** In Hz. */
  @IsIn(AUDIO_RATES_HZ, { message: `sampleRate must be one of ${AUDIO_RATES_HZ.join(', ')}` })
  sampleRate!: number;

  @IsInt({ message: 'numChannels must be a whole number' })
  @Min(1, { message: 'numChannels must be at least 1' })
  @Max(8, { message: 'numChannels must be at most 8' })
  numChannels!: number;

  /** Returns the samples of each piece, interleaved. */
  pieces(): Int16Array[] {
    return (this.base64AudioBatch ?? [this.base64Audio ?? '']).map((text) => {
      const bytes = bytesFromBase64(text);
      return pcmFromBytes(bytes.subarray(0, bytes.length & ~1));
    });
  }
}
