import { IsObject } from 'class-validator';
import { LiveField, setLiveField, WireClass } from '../../../bot/wire-classes.js';
import { type Init, RunnerArguments } from '../../../bot/runner-arguments.js';
import type { SmallWebRTCConnection } from '../small-webrtc-connection.js';

/** Arguments of a bot that talks to one client over a WebRTC peer connection. */
@WireClass('SmallWebRTCRunnerArguments')
export class SmallWebRTCRunnerArguments extends RunnerArguments {
  /** Peer connection, created and negotiated by the runner. */
  @LiveField()
  @IsObject({ message: 'webrtc_connection must be a peer connection' })
  webrtc_connection!: SmallWebRTCConnection;

  constructor(init?: Init<SmallWebRTCRunnerArguments, 'webrtc_connection'>) {
    const { webrtc_connection, ...rest } = init ?? {};
    super(rest);
    setLiveField(this, 'webrtc_connection', webrtc_connection);
  }
}
