/** The 44 bytes before 16-bit PCM that make it a WAV file (RIFF, format 1). */
export function wavHeader(facts: {
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly sizeBytes: number;
}): ArrayBuffer {
  const { sampleRateHz, channels, sizeBytes } = facts;
  const frameBytes = channels * 2;
  const view = new DataView(new ArrayBuffer(44));
  const text = (at: number, letters: string) =>
    [...letters].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, 'RIFF');
  view.setUint32(4, 36 + sizeBytes, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRateHz, true);
  view.setUint32(28, sampleRateHz * frameBytes, true);
  view.setUint16(32, frameBytes, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, sizeBytes, true);
  return view.buffer;
}
