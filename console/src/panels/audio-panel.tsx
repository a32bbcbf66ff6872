import type { ReactNode } from 'react';
import {
  usePipecatClientMediaDevices,
  usePipecatClientMediaTrack,
  usePipecatClientMicControl,
} from '@pipecat-ai/client-react';
import {
  BotVolumeSlider,
  Button,
  Panel,
  PanelContent,
  PanelHeader,
  PanelTitle,
} from '@pipecat-ai/voice-ui-kit';
import { MicIcon, MicOffIcon, Volume2Icon } from 'lucide-react';
import { LevelMeter } from './level-meter.js';
import { RecordButton } from './record-button.js';

/** Both sides: how loud they are, where they come from and go to, and their recording. */
export function AudioPanel({ live }: { live: boolean }) {
  const user = usePipecatClientMediaTrack('audio', 'local');
  const bot = usePipecatClientMediaTrack('audio', 'bot');
  const { isMicEnabled, enableMic } = usePipecatClientMicControl();
  const devices = usePipecatClientMediaDevices();
  return (
    <Panel>
      <PanelHeader variant="inline">
        <PanelTitle>Audio</PanelTitle>
      </PanelHeader>
      <PanelContent>
        <Side name="You">
          <LevelMeter label="Your level" track={live ? user : null} side="user" />
          <Button
            variant="secondary"
            size="sm"
            isIcon
            disabled={!live}
            aria-pressed={!isMicEnabled}
            aria-label="Mute"
            onClick={() => enableMic(!isMicEnabled)}
          >
            {isMicEnabled || !live ? <MicIcon /> : <MicOffIcon />}
          </Button>
        </Side>
        <Side name="Bot">
          <LevelMeter label="The bot’s level" track={live ? bot : null} side="bot" />
        </Side>
        <div className="row">
          <Volume2Icon size={16} aria-hidden />
          <BotVolumeSlider noLabel className="volume" />
        </div>
        <RecordButton live={live} user={user} bot={bot} />
        {/* Last, for they come late: what is above stays where it is. */}
        <DeviceSelect
          label="Microphone"
          devices={devices.availableMics}
          selected={devices.selectedMic}
          onSelect={devices.updateMic}
        />
        <DeviceSelect
          label="Speaker"
          devices={devices.availableSpeakers}
          selected={devices.selectedSpeaker}
          onSelect={devices.updateSpeaker}
        />
      </PanelContent>
    </Panel>
  );
}

function Side({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="row">
      <span className="row-name">{name}</span>
      {children}
    </div>
  );
}

interface DeviceSelectProps {
  readonly label: string;
  readonly devices: readonly MediaDeviceInfo[];
  readonly selected: { readonly deviceId?: string };
  readonly onSelect: (id: string) => void;
}

function DeviceSelect({ label, devices, selected, onSelect }: DeviceSelectProps) {
  // Not known before the user lets the page have a microphone, and nothing to choose from with one.
  if (devices.length < 2) return null;
  return (
    <select
      className="select"
      aria-label={label}
      value={selected.deviceId ?? ''}
      onChange={({ target }) => onSelect(target.value)}
    >
      {devices.map(({ deviceId, label: name }) => (
        <option key={deviceId} value={deviceId}>
          {name || `${label} ${deviceId.slice(0, 6)}`}
        </option>
      ))}
    </select>
  );
}
