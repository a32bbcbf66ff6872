package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/emiago/diago"
)

const (
	connectTimeout = 5 * time.Second
	maxMessage     = 1 << 20
	// Messages that the runner has not read yet: ten seconds.
	maxUnread = 500
	// A busy machine is caught up with for so long; then time is skipped.
	maxBehind = 200 * time.Millisecond
)

// Stream is the media stream of a call: RTP on one side, the WebSocket on the other.
type Stream struct {
	call       *Call
	id         string
	parameters map[string]string
	headers    string
	phone      *Phone
	socket     *websocket.Conn
	unread     chan Message

	mu       sync.Mutex
	sequence int
	chunk    int
	out      Playback
	isOver   bool
}

func newStream(call *Call, media *diago.DialogMedia, parameters map[string]string, headers string) *Stream {
	return &Stream{
		call: call, id: "MZ" + randomHex(), parameters: parameters, headers: headers,
		phone: newPhone(call.bridge, media), unread: make(chan Message, maxUnread),
	}
}

// Stats counts packets and frames of a call.
type Stats struct {
	// RTP packets from the phone, those of them that the network faults dropped, and those that came too late.
	Received int `json:"received"`
	Dropped  int `json:"dropped"`
	Late     int `json:"late"`
	// Frames that were sent to the bot, and those of them with samples missing.
	Frames  int `json:"frames"`
	Missing int `json:"missing"`
	// RTP packets to the phone, and those that the network faults dropped.
	Sent        int `json:"sent"`
	SentDropped int `json:"sentDropped"`
}

// run streams until the call ends.
func (s *Stream) run(ctx context.Context, target string) (Stats, error) {
	dialing, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	socket, _, err := websocket.Dial(dialing, target, nil)
	if err != nil {
		return Stats{}, err
	}
	defer socket.CloseNow()
	socket.SetReadLimit(maxMessage)
	s.socket = socket
	emit("answered", map[string]any{"call": s.call.id, "codec": s.phone.codec.Name})

	// Reading goes on while the connection is closed, so it does not end with the call.
	reading, stopReading := context.WithCancel(context.Background())
	defer stopReading()
	go s.read(reading)
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write(reading)
		_ = socket.Close(websocket.StatusNormalClosure, "")
	}()
	go s.phone.receive(func(digit string) {
		s.locked(func() { s.send(s.call.bridge.carrier.dtmf(s, digit)) })
	})
	s.locked(func() {
		for _, message := range s.call.bridge.carrier.start(s) {
			s.send(message)
		}
	})
	s.pace(ctx)
	s.locked(func() {
		if message := s.call.bridge.carrier.stop(s); message != nil {
			s.send(message)
		}
		s.isOver = true
		close(s.unread)
	})
	select {
	case <-written:
	case <-time.After(time.Second):
	}
	return s.phone.stats(), nil
}

// pace moves a frame each way every 20 ms, by the clock.
func (s *Stream) pace(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for next := time.Now(); ; next = next.Add(frameMs * time.Millisecond) {
		if behind := time.Since(next); behind > maxBehind {
			next = next.Add(behind)
		}
		timer.Reset(time.Until(next))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		s.locked(s.tick)
	}
}

func (s *Stream) tick() {
	carrier := s.call.bridge.carrier
	if frame := s.phone.heard(); frame != nil {
		s.chunk++
		s.send(carrier.media(s, base64.StdEncoding.EncodeToString(frame)))
	}
	if s.phone.signals() {
		return
	}
	frame, marks := s.out.take()
	s.phone.say(frame)
	for _, name := range marks {
		s.send(carrier.played(s, name))
	}
}

// read takes the bot's messages until it closes the connection.
func (s *Stream) read(ctx context.Context) {
	for {
		_, data, err := s.socket.Read(ctx)
		if err != nil {
			s.call.end("bot", unlessClosed(err))
			return
		}
		var message BotMessage
		if err := json.Unmarshal(data, &message); err != nil {
			s.call.end("bridge", fmt.Errorf("the bot sent what is no message: %.80q", data))
			return
		}
		s.locked(func() { err = s.take(message) })
		if err != nil {
			s.call.end("bridge", err)
			return
		}
	}
}

func (s *Stream) take(message BotMessage) error {
	carrier := s.call.bridge.carrier
	audio, mark, clear := carrier.events()
	switch message.Event {
	case audio:
		pcm, err := base64.StdEncoding.DecodeString(message.Media.Payload)
		if err != nil {
			return fmt.Errorf("the bot sent no base64: %w", err)
		}
		return s.out.play(pcm)
	case mark:
		return s.out.mark(message.Name + message.Mark.Name)
	case clear:
		marks := s.out.clear()
		answer, returnsMarks := carrier.cleared(s)
		if returnsMarks {
			for _, name := range marks {
				s.send(carrier.played(s, name))
			}
		}
		if answer != nil {
			s.send(answer)
		}
	case "sendDTMF":
		return s.phone.press(message.DTMF)
	}
	return nil
}

// write sends queued messages, so that a slow runner never delays the clock.
func (s *Stream) write(ctx context.Context) {
	for message := range s.unread {
		data, err := json.Marshal(message)
		if err == nil {
			err = s.socket.Write(ctx, websocket.MessageText, data)
		}
		if err != nil {
			s.call.end("bot", unlessClosed(err))
			return
		}
	}
}

func (s *Stream) send(message Message) {
	if s.isOver {
		return
	}
	select {
	case s.unread <- message:
	default:
		s.call.end("bridge", errors.New("the runner does not read what it is sent"))
	}
}

func (s *Stream) next() int {
	s.sequence++
	return s.sequence
}

func (s *Stream) locked(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func unlessClosed(err error) error {
	if websocket.CloseStatus(err) == websocket.StatusNormalClosure {
		return nil
	}
	return err
}
