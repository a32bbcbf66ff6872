"""Guards the UDP sockets of aiortc (seen in aioice 0.13.0 and aiortc 1.16.0), which hands what anybody sends to DTLS and SRTP."""

# Largest datagram, in bytes: one Ethernet frame. SRTP takes no more, and a longer one would end the connection.
MAX_BYTES = 1_500
# The first byte of STUN (RFC 7983).
STUN = range(4)


def guard_datagrams():
    """
    Drops datagrams before they are parsed: empty and long ones, which end the connection; all but STUN of addresses that the client neither
    named nor made an authentic connectivity check from; and STUN that cannot be parsed.
    """
    from aioice.ice import StunProtocol

    receive = StunProtocol.datagram_received
    if getattr(receive, "is_guarded", False):
        return

    def datagram_received(self, data, addr):
        if not 0 < len(data) <= MAX_BYTES:
            return
        if data[0] not in STUN and not is_of_client(self.receiver, addr[:2]):
            return
        try:
            receive(self, data, addr)
        except Exception:
            # Malformed attributes. Whatever is wrong in the bot is not raised here.
            pass

    datagram_received.is_guarded = True
    StunProtocol.datagram_received = datagram_received


def is_of_client(connection, addr):
    """True for the address of a candidate pair, or of a check before there are pairs. aioice makes pairs for candidates and authentic checks only."""
    return any(pair.remote_addr == addr for pair in connection._check_list) or any(
        early == addr for _, early, _ in connection._early_checks
    )
