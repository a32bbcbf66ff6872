/** The entries of the package, and the classes of bodies and queries that are not among their exports. */
export * from '../../src/index.js';
export * from '../../src/bot.js';
export * from '../../src/sessions/dto/sessions.dto.js';
export * from '../../src/sessions/dto/sessions.dto.js';
export * from '../../src/start/dto/start-answer.dto.js';
export * from '../../src/transports/daily/dto/daily-meeting-token-properties.dto.js';
export * from '../../src/transports/daily/dto/daily-room-properties.dto.js';
export * from '../../src/transports/daily/daily-client.js';
export * from '../../src/transports/daily/dto/dialin.dto.js';
export * from '../../src/transports/small-webrtc/dto/ice-candidates.dto.js';
export * from '../../src/transports/small-webrtc/dto/webrtc-answer.dto.js';
export * from '../../src/transports/small-webrtc/dto/webrtc-offer.dto.js';
export * from '../../src/transports/whatsapp/dto/whatsapp-call.dto.js';
