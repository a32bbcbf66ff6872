package main

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/emiago/diago"
	"github.com/emiago/diago/media"
	"github.com/pion/rtp"
	"github.com/zaf/g711"
)

const (
	// Silent frames between two digits.
	digitGap  = 5
	maxDigits = 100
)

// Phone is the RTP side of a call.
type Phone struct {
	media *diago.DialogMedia
	codec media.Codec
	event *media.Codec
	// Faults of each direction.
	fromPhone, toPhone *Faults

	mu      sync.Mutex
	in      JitterBuffer
	lastKey uint32
	hasKeys bool
	counts  Stats
	header  rtp.Header
	digits  []media.DTMFEvent
	gap     int
	eventAt uint32
	writeMu sync.Mutex
}

func newPhone(b *Bridge, dialog *diago.DialogMedia) *Phone {
	session := dialog.MediaSession()
	p := &Phone{
		media: dialog, codec: media.CodecAudioFromSession(session),
		fromPhone: newFaults(b, 1), toPhone: newFaults(b, 2),
		header: rtp.Header{Version: 2, Marker: true, SSRC: rand.Uint32(), SequenceNumber: uint16(rand.Uint32()), Timestamp: rand.Uint32()},
	}
	for _, codec := range session.CommonCodecs() {
		if codec.IsAuxiliary() && codec.SampleRate == 8000 && codec.Name == media.CodecTelephoneEvent8000.Name {
			p.event = &codec
		}
	}
	return p
}

func (p *Phone) isALaw() bool { return p.codec.Name == media.CodecAudioAlaw.Name }

// receive reads RTP until the call ends.
func (p *Phone) receive(onDigit func(digit string)) {
	buffer := make([]byte, media.RTPBufSize)
	for {
		var packet rtp.Packet
		n, err := p.media.RTPSession().ReadRTP(buffer, &packet)
		if err != nil {
			return
		}
		if n == 0 {
			continue
		}
		header, payload := packet.Header, append([]byte(nil), packet.Payload...)
		p.count(func(s *Stats) { s.Received++ })
		isLost := p.fromPhone.pass(func() {
			if digit := p.take(header, payload); digit != "" {
				onDigit(digit)
			}
		})
		if isLost {
			p.count(func(s *Stats) { s.Dropped++ })
		}
	}
}

// take stores audio, and returns the digit of an RFC 4733 event at its first packet.
func (p *Phone) take(header rtp.Header, payload []byte) (digit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case header.PayloadType == p.codec.PayloadTypeRecv():
		if p.isALaw() {
			payload = g711.Alaw2Ulaw(payload)
		}
		p.in.put(header.Timestamp, payload)
	case p.event != nil && header.PayloadType == p.event.PayloadTypeRecv():
		var event media.DTMFEvent
		// All packets of an event have its timestamp. Those of an earlier one may still be on their way.
		isNew := !p.hasKeys || int32(header.Timestamp-p.lastKey) > 0
		if isNew && media.DTMFDecode(payload, &event) == nil && event.Event < 16 {
			p.lastKey, p.hasKeys = header.Timestamp, true
			return string(media.DTMFToRune(event.Event))
		}
	}
	return ""
}

// heard returns the frame of the caller that is due; nil before there is one.
func (p *Phone) heard() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	frame, isComplete := p.in.take()
	if frame != nil {
		p.counts.Frames++
		if !isComplete {
			p.counts.Missing++
		}
	}
	return frame
}

// say sends a frame.
func (p *Phone) say(frame []byte) {
	if p.isALaw() {
		frame = g711.Ulaw2Alaw(frame)
	}
	p.send(frame, p.codec.PayloadType, p.header.Timestamp)
	p.header.Marker = false
	p.header.Timestamp += frameSamples
}

// press queues digits as RFC 4733 events.
func (p *Phone) press(digits string) error {
	if p.event == nil {
		return errors.New("the phone takes no telephone-event")
	}
	if len(digits)+len(p.digits)/7 > maxDigits {
		return errors.New("the bot sent too many digits ahead")
	}
	for _, digit := range digits {
		p.digits = append(p.digits, media.RTPDTMFEncode8000(digit)...)
	}
	return nil
}

// signals sends the packet of a digit that is due, and returns false when there is none.
func (p *Phone) signals() bool {
	if p.gap > 0 {
		p.gap--
		return false
	}
	if len(p.digits) == 0 {
		return false
	}
	event := p.digits[0]
	p.digits = p.digits[1:]
	// The timestamp of an event is that of its beginning: its first packet is the one with the shortest duration.
	if event.Duration == frameSamples {
		p.header.Marker = true
		p.eventAt = p.header.Timestamp
	}
	p.send(media.DTMFEncode(event), p.event.PayloadType, p.eventAt)
	p.header.Marker = false
	p.header.Timestamp += frameSamples
	if event.EndOfEvent && (len(p.digits) == 0 || !p.digits[0].EndOfEvent) {
		p.gap = digitGap
	}
	return true
}

func (p *Phone) send(payload []byte, payloadType uint8, timestamp uint32) {
	p.header.SequenceNumber++
	packet := &rtp.Packet{Header: p.header, Payload: payload}
	packet.PayloadType, packet.Timestamp = payloadType, timestamp
	p.count(func(s *Stats) { s.Sent++ })
	isLost := p.toPhone.pass(func() {
		p.writeMu.Lock()
		defer p.writeMu.Unlock()
		// The end of the call is noticed elsewhere.
		_ = p.media.RTPSession().WriteRTP(packet)
	})
	if isLost {
		p.count(func(s *Stats) { s.SentDropped++ })
	}
}

func (p *Phone) count(add func(*Stats)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	add(&p.counts)
}

func (p *Phone) stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Late = p.in.late
	return p.counts
}

// Faults loses and delays packets of one direction, the same ones for the same seed.
type Faults struct {
	loss   float64
	jitter time.Duration
	mu     sync.Mutex
	random *rand.Rand
}

func newFaults(b *Bridge, direction uint64) *Faults {
	return &Faults{loss: b.loss, jitter: b.jitter, random: rand.New(rand.NewPCG(b.seed, direction))}
}

// pass delivers a packet, now or later, or returns true for one that is lost.
func (f *Faults) pass(deliver func()) (isLost bool) {
	f.mu.Lock()
	isLost, delay := f.random.Float64() < f.loss, time.Duration(f.random.Float64()*float64(f.jitter))
	f.mu.Unlock()
	switch {
	case isLost:
	case delay == 0:
		deliver()
	default:
		time.AfterFunc(delay, deliver)
	}
	return isLost
}
