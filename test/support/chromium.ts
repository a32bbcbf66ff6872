import { resolve } from 'node:path';
import { type Browser, chromium, type LaunchOptions } from 'playwright-core';
import { TOOLS } from './tools.js';

/** The browser, where there is one. */
export const CHROMIUM = TOOLS.chromium.find();

/**
 * Starts it, with a microphone that plays recorded speech and that every page may have.
 * @param microphone WAV file that the microphone plays again and again
 */
export const launchChromium = (microphone?: string): Promise<Browser> =>
  chromium.launch(options(microphone));

/** The same in a process that can be killed. */
export async function launchChromiumProcess(): Promise<{ browser: Browser; kill: () => void }> {
  const server = await chromium.launchServer(options());
  const browser = await chromium.connect(server.wsEndpoint());
  return { browser, kill: () => void server.process().kill('SIGKILL') };
}

const options = (microphone = 'demo/inaugural-1961.wav'): LaunchOptions => ({
  executablePath: CHROMIUM!,
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    // Or the addresses on offer are mDNS names that nobody resolves here.
    '--disable-features=WebRtcHideLocalIpsWithMdns',
    `--use-file-for-fake-audio-capture=${resolve(microphone)}`,
  ],
});
