package main

import (
	"bytes"
	"slices"
	"testing"
)

func packet(value byte) []byte { return bytes.Repeat([]byte{value}, frameSamples) }

func takeAll(j *JitterBuffer, frames int) (values []byte) {
	for range frames {
		frame, _ := j.take()
		values = append(values, frame[0])
	}
	return values
}

func TestJitterBufferReordersAndFillsLoss(t *testing.T) {
	var j JitterBuffer
	start := ^uint32(0) - frameSamples // wraps around
	for _, i := range []uint32{0, 2, 1, 4} {
		j.put(start+i*frameSamples, packet(byte(i)))
	}
	const s = silence
	if got := takeAll(&j, 8); !slices.Equal(got, []byte{s, s, s, 0, 1, 2, s, 4}) {
		t.Fatalf("played %v", got)
	}
	j.put(start, packet(9))
	if j.late != 1 {
		t.Fatalf("late is %d", j.late)
	}
}

func TestJitterBufferStartsAgainAfterAPause(t *testing.T) {
	var j JitterBuffer
	j.put(0, packet(1))
	takeAll(&j, 20)
	for i := uint32(1); i <= 4; i++ {
		j.put(i*frameSamples, packet(byte(10+i)))
	}
	if got := takeAll(&j, 5); !slices.Equal(got[3:], []byte{13, 14}) {
		t.Fatalf("played %v", got)
	}
}

func TestJitterBufferIsBounded(t *testing.T) {
	var j JitterBuffer
	for i := range uint32(15) {
		j.put(i*frameSamples, packet(byte(i)))
	}
	got := takeAll(&j, 14)
	if !slices.Equal(got, []byte{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, silence}) {
		t.Fatalf("played %v", got)
	}
}

func TestPlaybackConfirmsMarksWhenTheyArePlayed(t *testing.T) {
	var p Playback
	_ = p.play(packet(1))
	_ = p.mark("half")
	_ = p.play(packet(2)[:80])
	_ = p.mark("all")
	if _, marks := p.take(); !slices.Equal(marks, []string{"half"}) {
		t.Fatalf("marks %v", marks)
	}
	frame, marks := p.take()
	if !slices.Equal(marks, []string{"all"}) || frame[79] != 2 || frame[80] != silence || p.samples != 0 {
		t.Fatalf("marks %v, frame %v", marks, frame)
	}
	_ = p.play(packet(3))
	_ = p.mark("never")
	if cleared := p.clear(); !slices.Equal(cleared, []string{"never"}) {
		t.Fatalf("cleared %v", cleared)
	}
}
