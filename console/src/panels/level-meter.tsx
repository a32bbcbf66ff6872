import { useEffect, useRef } from 'react';
import { audioContext } from '../audio/audio-context.js';

/** Lowest level that is not shown as silence, in decibels below full scale. */
const FLOOR_DB = -60;
const SILENCE = 'silence';
/** Speed at which the bar falls. */
const FALL_DB_PER_FRAME = 1.5;

interface Props {
  readonly label: string;
  readonly track: MediaStreamTrack | null;
  readonly side: 'user' | 'bot';
}

/** Shows the loudness of a track right now: the root mean square, in decibels below full scale. Drawn past React, at the pace of the screen. */
export function LevelMeter({ label, track, side }: Props) {
  const meter = useRef<HTMLDivElement>(null);
  const bar = useRef<HTMLDivElement>(null);
  const text = useRef<HTMLSpanElement>(null);

  useEffect(() => {
    const show = (db: number): void => {
      const value = Math.round(db);
      bar.current!.style.transform = `scaleX(${1 - db / FLOOR_DB})`;
      // Not by `textContent`: a new node in each frame keeps the client's snapshots of the page waiting for rest.
      text.current!.firstChild!.nodeValue = value === FLOOR_DB ? SILENCE : `${value} dB`;
      meter.current!.setAttribute('aria-valuenow', String(value));
    };
    show(FLOOR_DB);
    return track ? watch(track, show) : undefined;
  }, [track]);

  return (
    <div
      ref={meter}
      className="meter"
      data-side={side}
      role="meter"
      aria-label={label}
      aria-valuemin={FLOOR_DB}
      aria-valuemax={0}
    >
      <div className="meter-track">
        <div ref={bar} className="meter-bar" />
      </div>
      <span ref={text} className="meter-text">
        {SILENCE}
      </span>
    </div>
  );
}

/** Tells how loud a track is, once for each frame of the screen. @returns what ends it */
function watch(track: MediaStreamTrack, onLevel: (db: number) => void): () => void {
  const over = new AbortController();
  void audioContext().then((context) => {
    if (over.signal.aborted) return;
    const source = context.createMediaStreamSource(new MediaStream([track]));
    over.signal.addEventListener('abort', () => source.disconnect());
    const analyser = new AnalyserNode(context, { fftSize: 1_024 });
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let shown = FLOOR_DB;
    const draw = (): void => {
      if (over.signal.aborted) return;
      analyser.getFloatTimeDomainData(samples);
      shown = Math.max(FLOOR_DB, decibels(samples), shown - FALL_DB_PER_FRAME);
      onLevel(shown);
      requestAnimationFrame(draw);
    };
    draw();
  });
  return () => over.abort();
}

const decibels = (samples: Float32Array): number =>
  10 * Math.log10(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
