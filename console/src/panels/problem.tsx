import { Banner, BannerIcon, BannerTitle, Button } from '@pipecat-ai/voice-ui-kit';
import { CircleAlertIcon, XIcon } from 'lucide-react';

/** Shows what went wrong, in words. */
export function Problem({ text, onClose }: { text: string; onClose?: () => void }) {
  return (
    <Banner variant="destructive" role="alert">
      <BannerIcon icon={CircleAlertIcon} />
      <BannerTitle className="problem-text">{text}</BannerTitle>
      {onClose && (
        <Button variant="ghost" size="sm" isIcon aria-label="Dismiss" onClick={onClose}>
          <XIcon />
        </Button>
      )}
    </Banner>
  );
}
