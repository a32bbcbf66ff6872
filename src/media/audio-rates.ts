/** Supported sample rates, in Hz. The list is closed because each pair of rates costs a resampling filter. */
export const AUDIO_RATES_HZ: readonly number[] = [
  8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000,
];

export const isAudioRate = (rateHz: unknown): boolean => AUDIO_RATES_HZ.includes(rateHz as number);

/** @throws {RangeError} for an unsupported rate @param name the name of the field in the message */
export function checkAudioRate(rateHz: number, name = 'sampleRateHz'): void {
  if (!isAudioRate(rateHz)) {
    throw new RangeError(`${name} must be one of ${AUDIO_RATES_HZ.join(', ')}`);
  }
}
