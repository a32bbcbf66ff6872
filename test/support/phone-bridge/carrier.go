package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Message is one of the media WebSocket.
type Message = map[string]any

// BotMessage is a message of the bot.
type BotMessage struct {
	Event string `json:"event"`
	Media struct {
		Payload string `json:"payload"`
	} `json:"media"`
	// Mark of Twilio, and name of Plivo's checkpoint.
	Mark struct {
		Name string `json:"name"`
	} `json:"mark"`
	Name string `json:"name"`
	DTMF string `json:"dtmf"`
}

// Carrier is the dialect of a carrier: its webhook and the messages of its media stream.
type Carrier interface {
	newID() string
	form(call *Call) url.Values
	sign(header http.Header, url string, form url.Values, token string)
	start(stream *Stream) []Message
	media(stream *Stream, payload string) Message
	dtmf(stream *Stream, digit string) Message
	played(stream *Stream, name string) Message
	stop(stream *Stream) Message
	// Event names of the bot's messages.
	events() (audio, mark, clear string)
	// cleared is the answer to the clear event, and whether pending marks are confirmed with it.
	cleared(stream *Stream) (answer Message, returnsMarks bool)
}

var carriers = map[string]Carrier{"twilio": twilio{}, "plivo": plivo{}}

// twilio: https://www.twilio.com/docs/voice/twiml#request-parameters and https://www.twilio.com/docs/voice/media-streams/websocket-messages
type twilio struct{}

func (twilio) newID() string { return "CA" + randomHex() }

func (twilio) form(call *Call) url.Values {
	return url.Values{
		"AccountSid": {call.bridge.account}, "ApiVersion": {"2010-04-01"}, "CallSid": {call.id},
		"CallStatus": {"ringing"}, "Direction": {"inbound"},
		"From": {call.from}, "Caller": {call.from}, "To": {call.to}, "Called": {call.to},
	}
}

// sign: https://www.twilio.com/docs/usage/security#validating-requests
func (twilio) sign(header http.Header, url string, form url.Values, token string) {
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	sort.Strings(names)
	signed := hmac.New(sha1.New, []byte(token))
	signed.Write([]byte(url))
	for _, name := range names {
		signed.Write([]byte(name + form.Get(name)))
	}
	header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(signed.Sum(nil)))
}

func (twilio) start(s *Stream) []Message {
	start := twilio{}.message(s, "start", "start", Message{
		"streamSid": s.id, "accountSid": s.call.bridge.account, "callSid": s.call.id,
		"tracks": []string{"inbound"}, "customParameters": s.parameters,
		"mediaFormat": Message{"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
	})
	return []Message{{"event": "connected", "protocol": "Call", "version": "1.0.0"}, start}
}

func (twilio) media(s *Stream, payload string) Message {
	return twilio{}.message(s, "media", "media", Message{
		"track": "inbound", "chunk": strconv.Itoa(s.chunk), "timestamp": strconv.Itoa((s.chunk - 1) * frameMs), "payload": payload,
	})
}

func (twilio) dtmf(s *Stream, digit string) Message {
	return twilio{}.message(s, "dtmf", "dtmf", Message{"track": "inbound_track", "digit": digit})
}

func (twilio) played(s *Stream, name string) Message {
	return twilio{}.message(s, "mark", "mark", Message{"name": name})
}

func (twilio) stop(s *Stream) Message {
	return twilio{}.message(s, "stop", "stop", Message{"accountSid": s.call.bridge.account, "callSid": s.call.id})
}

func (twilio) events() (audio, mark, clear string) { return "media", "mark", "clear" }

func (twilio) cleared(*Stream) (Message, bool) { return nil, true }

func (twilio) message(s *Stream, event, field string, content Message) Message {
	return Message{"event": event, "sequenceNumber": strconv.Itoa(s.next()), "streamSid": s.id, field: content}
}

// plivo: https://www.plivo.com/docs/voice-agents/audio-streaming/concepts/audio-streaming-reference
type plivo struct{}

func (plivo) newID() string { return uuid() }

func (plivo) form(call *Call) url.Values {
	return url.Values{
		"CallUUID": {call.id}, "CallStatus": {"ringing"}, "Direction": {"inbound"}, "Event": {"StartApp"},
		"From": {strings.TrimPrefix(call.from, "+")}, "To": {strings.TrimPrefix(call.to, "+")},
	}
}

// Webhooks of Plivo are not signed here.
func (plivo) sign(http.Header, string, url.Values, string) {}

func (plivo) start(s *Stream) []Message {
	start := Message{
		"callId": s.call.id, "streamId": s.id, "accountId": s.call.bridge.account, "tracks": []string{"inbound"},
		"mediaFormat": Message{"encoding": "audio/x-mulaw", "sampleRate": 8000},
	}
	return []Message{{"event": "start", "sequenceNumber": s.next(), "start": start, "extra_headers": s.headers}}
}

func (plivo) media(s *Stream, payload string) Message {
	return plivo{}.message(s, "media", Message{
		"media":         Message{"track": "inbound", "timestamp": now(), "chunk": s.chunk, "payload": payload},
		"extra_headers": s.headers,
	})
}

func (plivo) dtmf(s *Stream, digit string) Message {
	return plivo{}.message(s, "dtmf", Message{"dtmf": Message{"track": "inbound", "digit": digit, "timestamp": now()}})
}

func (plivo) played(s *Stream, name string) Message {
	return plivo{}.message(s, "playedStream", Message{"name": name})
}

// Plivo only closes the connection.
func (plivo) stop(*Stream) Message { return nil }

func (plivo) events() (audio, mark, clear string) { return "playAudio", "checkpoint", "clearAudio" }

func (plivo) cleared(s *Stream) (Message, bool) {
	return plivo{}.message(s, "clearedAudio", Message{}), false
}

func (plivo) message(s *Stream, event string, message Message) Message {
	message["event"], message["sequenceNumber"], message["streamId"] = event, s.next(), s.id
	return message
}

func now() string { return strconv.FormatInt(time.Now().UnixMilli(), 10) }

func randomHex() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return hex.EncodeToString(id)
}

func uuid() string {
	id := randomHex()
	return fmt.Sprintf("%s-%s-%s-%s-%s", id[:8], id[8:12], id[12:16], id[16:20], id[20:])
}
