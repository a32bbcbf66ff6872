package main

import "errors"

const (
	frameMs      = 20
	frameSamples = 160
	// Silence in µ-law.
	silence = 0xff
	// The jitter buffer delays by 60 ms, and holds 256 ms: a power of two, so that timestamps may wrap around.
	delaySamples = 3 * frameSamples
	maxSamples   = 2048
	maxLateRun   = 3
	// The bot may send ten minutes ahead, and that many messages.
	maxPlayback = 600 * 8000
	maxItems    = 60_000
)

// JitterBuffer puts samples into the order of their RTP timestamps. Lost samples are silence.
type JitterBuffer struct {
	samples [maxSamples]byte
	isThere [maxSamples]bool
	// Timestamp of the next frame.
	play    uint32
	started bool
	late    int
	// Packets in a row that came too late.
	lateRun int
}

// put stores the samples of a packet.
func (j *JitterBuffer) put(timestamp uint32, samples []byte) {
	if len(samples) > maxSamples {
		return
	}
	ahead := int32(timestamp - j.play)
	if j.started && ahead < 0 {
		j.late++
		j.lateRun++
	} else {
		j.lateRun = 0
	}
	switch {
	case !j.started || int(ahead)+len(samples) > 2*maxSamples || j.lateRun >= maxLateRun:
		// Another stream, or one that has paused.
		*j = JitterBuffer{started: true, play: timestamp - delaySamples, late: j.late}
	case int(ahead)+len(samples) > maxSamples:
		// The sender's clock is faster, or this machine was busy.
		j.skip(uint32(int(ahead) + len(samples) - maxSamples))
	case ahead < 0:
		return
	}
	for i, sample := range samples {
		at := (timestamp + uint32(i)) % maxSamples
		j.samples[at], j.isThere[at] = sample, true
	}
}

// take returns the frame that is due, and whether it is complete; nil before the first packet.
func (j *JitterBuffer) take() (frame []byte, isComplete bool) {
	if !j.started {
		return nil, false
	}
	frame, isComplete = make([]byte, frameSamples), true
	for i := range frame {
		at := (j.play + uint32(i)) % maxSamples
		if frame[i] = silence; j.isThere[at] {
			frame[i] = j.samples[at]
		} else {
			isComplete = false
		}
	}
	j.skip(frameSamples)
	return frame, isComplete
}

func (j *JitterBuffer) skip(samples uint32) {
	for ; samples > 0; samples-- {
		j.isThere[j.play%maxSamples] = false
		j.play++
	}
}

// Playback is what the bot has sent and the phone has not yet been sent.
type Playback struct {
	items   []item
	samples int
}

type item struct {
	audio []byte
	mark  string
}

func (p *Playback) play(audio []byte) error {
	if p.samples+len(audio) > maxPlayback {
		return errors.New("the bot sent more than ten minutes ahead")
	}
	p.samples += len(audio)
	return p.add(item{audio: audio})
}

func (p *Playback) mark(name string) error { return p.add(item{mark: name}) }

func (p *Playback) add(one item) error {
	if len(p.items) >= maxItems {
		return errors.New("the bot sent too many messages ahead")
	}
	p.items = append(p.items, one)
	return nil
}

// take returns the next frame, silence where there is nothing to play, and the marks that are reached with it.
func (p *Playback) take() (frame []byte, marks []string) {
	for len(p.items) > 0 {
		first := &p.items[0]
		if first.audio == nil {
			marks = append(marks, first.mark)
		} else {
			n := min(len(first.audio), frameSamples-len(frame))
			frame = append(frame, first.audio[:n]...)
			p.samples -= n
			if first.audio = first.audio[n:]; len(first.audio) > 0 {
				break
			}
		}
		p.items = p.items[1:]
	}
	for len(frame) < frameSamples {
		frame = append(frame, silence)
	}
	return frame, marks
}

// clear drops everything, and returns the marks.
func (p *Playback) clear() (marks []string) {
	for _, one := range p.items {
		if one.audio == nil {
			marks = append(marks, one.mark)
		}
	}
	*p = Playback{}
	return marks
}
