// Agents of other libraries on the transports of this one.
import './bot.js';

export type { AgentConversation, AgentSettings } from './agents/agent-conversation.js';
export { agentSession, type AgentSessionSettings } from './agents/livekit/agent-session.js';
export type { Engine } from './agents/livekit/engine.js';
export {
  type EndOfTurn,
  localInference,
  type LocalInference,
} from './agents/livekit/local-inference.js';
export type {
  Realtime,
  RealtimeConnectOptions,
  RealtimeLayer,
} from './agents/openai/realtime-module.js';
export { realtimeSession, type RealtimeSessionSettings } from './agents/openai/realtime-session.js';
export type {
  Live,
  LiveCallbacks,
  LiveConnect,
  LiveContent,
  LiveFunctionCall,
  LiveFunctionResponse,
  LiveInput,
  LiveMessage,
} from './agents/google/live-module.js';
export { liveSession, type LiveSessionSettings } from './agents/google/live-session.js';
