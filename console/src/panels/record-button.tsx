import { useEffect, useState } from 'react';
import { Button } from '@pipecat-ai/voice-ui-kit';
import { CircleIcon, DownloadIcon, SquareIcon } from 'lucide-react';
import { Recorder } from '../audio/recorder.js';

interface Props {
  readonly live: boolean;
  readonly user: MediaStreamTrack | null;
  readonly bot: MediaStreamTrack | null;
}

/** A finished recording. */
interface RecordingFile {
  readonly url: string;
  readonly name: string;
}

/** Records while it is pressed and there is a conversation, and offers the file. Pressed before, it records from the first word. */
export function RecordButton({ live, user, bot }: Props) {
  const [wanted, setWanted] = useState(false);
  const [recorder, setRecorder] = useState<Recorder>();
  const [file, setFile] = useState<RecordingFile>();
  const recording = wanted && live;

  useEffect(() => {
    if (!recording) return;
    const started = Recorder.start();
    void started.then(setRecorder);
    const name = `conversation-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.wav`;
    return () => {
      setRecorder(undefined);
      setWanted(false);
      void started
        .then((finished) => finished.stop())
        .then((wav) => setFile({ url: URL.createObjectURL(wav), name }));
    };
  }, [recording]);

  useEffect(() => recorder?.setTracks(user, bot), [recorder, user, bot]);

  // Only the last recording is kept.
  useEffect(() => {
    if (file) return () => URL.revokeObjectURL(file.url);
  }, [file]);

  return (
    <div className="row">
      <Button
        variant={wanted ? 'destructive' : 'outline'}
        size="sm"
        aria-pressed={wanted}
        onClick={() => setWanted(!wanted)}
      >
        {wanted ? <SquareIcon /> : <CircleIcon />}
        {recording ? <Elapsed /> : wanted ? 'Waits for the conversation' : 'Record'}
      </Button>
      {file && (
        <a className="download" href={file.url} download={file.name}>
          <DownloadIcon size={16} aria-hidden />
          Download
        </a>
      )}
    </div>
  );
}

function Elapsed() {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((before) => before + 1), 1_000);
    return () => clearInterval(timer);
  }, []);
  return <>{`Stop ${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`}</>;
}
