import {
  Button,
  DTMFKeypad,
  Popover,
  PopoverContent,
  PopoverTrigger,
  useTheme,
} from '@pipecat-ai/voice-ui-kit';
import { GripIcon, MoonIcon, SunIcon } from 'lucide-react';
import { TRANSPORTS } from '../transports/index.js';
import type { Phase } from '../use-conversation.js';

interface Props {
  readonly chosen: string;
  readonly offered: readonly string[];
  readonly onChoose: (transport: string) => void;
  readonly phase: Phase;
  readonly onStart: () => void;
  readonly onStop: () => void;
}

export function Header({ chosen, offered, onChoose, phase, onStart, onStop }: Props) {
  return (
    <header className="header">
      <h1 className="title">Pipecat console</h1>
      <Keypad disabled={phase !== 'live'} />
      <ThemeButton />
      <div className="connect">
        <select
          className="select"
          aria-label="Transport"
          value={chosen}
          disabled={phase !== 'idle'}
          onChange={({ target }) => onChoose(target.value)}
        >
          {offered.map((name) => (
            <option key={name} value={name}>
              {TRANSPORTS[name]!.label}
            </option>
          ))}
        </select>
        <ConnectButton phase={phase} onStart={onStart} onStop={onStop} />
      </div>
    </header>
  );
}

/** Unlike the kit's own it lets one give up. */
function ConnectButton({ phase, onStart, onStop }: Pick<Props, 'phase' | 'onStart' | 'onStop'>) {
  if (phase === 'idle') {
    return (
      <Button variant="active" onClick={onStart}>
        Connect
      </Button>
    );
  }
  return (
    <Button
      variant={phase === 'live' ? 'destructive' : 'secondary'}
      disabled={phase === 'ending'}
      onClick={onStop}
    >
      {phase === 'starting' ? 'Cancel' : 'Disconnect'}
    </Button>
  );
}

function Keypad({ disabled }: { disabled: boolean }) {
  return (
    <Popover>
      <PopoverTrigger asChild>
        <Button variant="ghost" isIcon aria-label="Keypad" disabled={disabled}>
          <GripIcon />
        </Button>
      </PopoverTrigger>
      <PopoverContent align="end" className="keypad">
        <DTMFKeypad />
      </PopoverContent>
    </Popover>
  );
}

function ThemeButton() {
  const { resolvedTheme, setTheme } = useTheme();
  const dark = resolvedTheme === 'dark';
  return (
    <Button
      variant="ghost"
      isIcon
      aria-label={dark ? 'Light theme' : 'Dark theme'}
      onClick={() => setTheme(dark ? 'light' : 'dark')}
    >
      {dark ? <SunIcon /> : <MoonIcon />}
    </Button>
  );
}
