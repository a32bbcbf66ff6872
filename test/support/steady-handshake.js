/** Messages of DTLS (RFC 5246, section 7.4) that may come again: a client says hello once more, with a cookie. */
const REPEATED = [1, 20];

/**
 * Has werift's DTLS client (seen in 0.24.4) take each message of the handshake once. It repeats its hello after half a second, fails at the
 * second answer to it, and an event loop that is held for so long reads the first answer after the repetition.
 * @param {import('werift').RTCPeerConnection} pc
 */
export function steadyHandshake(pc) {
  for (const transport of pc.dtlsTransports) {
    transport.onStateChange.subscribe((state) => {
      // Its DTLS is created right after this event.
      if (state === 'connecting') process.nextTick(() => takeOnce(transport.dtls));
    });
  }
}

function takeOnce(dtls) {
  const taken = new Set();
  const handle = dtls.onHandleHandshakes;
  dtls.onHandleHandshakes = async (messages) => {
    const isNew = ({ msg_type: type }) => {
      if (taken.has(type) && !REPEATED.includes(type)) return false;
      taken.add(type);
      return true;
    };
    await handle(messages.filter(isNew));
  };
}
