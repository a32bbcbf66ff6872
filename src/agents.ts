export {
  agentSession,
  type AgentConversation,
  type AgentSessionSettings,
} from './agents/livekit/agent-session.js';
export type { Engine } from './agents/livekit/engine.js';
