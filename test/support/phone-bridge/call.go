package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/emiago/diago"
	"github.com/emiago/sipgo/sip"
)

const (
	webhookTimeout = 5 * time.Second
	maxXMLBytes    = 64 << 10
)

// Call is a phone call.
type Call struct {
	bridge   *Bridge
	id       string
	from, to string

	stop   context.CancelFunc
	ending sync.Once
	// Side that ended the call: caller, bot, api, bridge; with an error where it failed.
	by  string
	err error
}

// end ends the call. Only the first side counts.
func (c *Call) end(by string, err error) {
	c.ending.Do(func() {
		c.by, c.err = by, err
		c.stop()
	})
}

// handle takes a call from INVITE to BYE. diago sends the BYE when it returns.
func (b *Bridge) handle(serving context.Context, dialog *diago.DialogServerSession) {
	call := &Call{
		bridge: b, id: b.carrier.newID(),
		from: address(dialog.InviteRequest.From().Address), to: address(dialog.InviteRequest.To().Address),
	}
	ctx, stop := context.WithCancel(context.Background())
	call.stop = stop
	defer stop()
	if !b.add(call) {
		_ = dialog.Respond(sip.StatusBusyHere, "Busy Here", nil)
		return
	}
	defer b.remove(call)
	defer context.AfterFunc(dialog.Context(), func() { call.end("caller", nil) })()
	defer context.AfterFunc(serving, func() { call.end("bridge", nil) })()

	emit("ringing", map[string]any{"call": call.id, "from": call.from, "to": call.to})
	stats, err := call.connect(ctx, dialog)
	call.end("bridge", err)
	ended := map[string]any{"call": call.id, "by": call.by, "stats": stats}
	if call.err != nil {
		ended["error"] = call.err.Error()
	}
	emit("ended", ended)
}

// connect asks the webhook, answers, and streams until the call ends.
func (c *Call) connect(ctx context.Context, dialog *diago.DialogServerSession) (Stats, error) {
	if err := dialog.Trying(); err != nil {
		return Stats{}, err
	}
	document, err := c.askWebhook(ctx)
	if err != nil {
		_ = dialog.Respond(sip.StatusServiceUnavailable, "Service Unavailable", nil)
		return Stats{}, err
	}
	target, parameters, headers := document.stream()
	if target == "" {
		code, reason := document.refusal()
		emit("refused", map[string]any{"call": c.id, "status": code})
		return Stats{}, dialog.Respond(code, reason, nil)
	}
	phone, err := dialog.Answer(diago.AnswerOptions{})
	if err != nil {
		return Stats{}, err
	}
	stream := newStream(c, phone, parameters, headers)
	return stream.run(ctx, c.bridge.reachable(target))
}

// Document is the XML of the webhook's answer: Twilio's <Connect><Stream url>, or Plivo's <Stream>url</Stream>.
type Document struct {
	Connect struct {
		Stream Element `xml:"Stream"`
	} `xml:"Connect"`
	Stream Element  `xml:"Stream"`
	Reject *Element `xml:"Reject"`
	Hangup *Element `xml:"Hangup"`
}

// Element has the attributes and content of all elements that are read.
type Element struct {
	URL        string `xml:"url,attr"`
	Headers    string `xml:"extraHeaders,attr"`
	Reason     string `xml:"reason,attr"`
	Text       string `xml:",chardata"`
	Parameters []struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	} `xml:"Parameter"`
}

func (d Document) stream() (target string, parameters map[string]string, headers string) {
	parameters = map[string]string{}
	for _, one := range d.Connect.Stream.Parameters {
		parameters[one.Name] = one.Value
	}
	if target = d.Connect.Stream.URL; target == "" {
		target = strings.TrimSpace(d.Stream.Text)
	}
	return target, parameters, d.Stream.Headers
}

// refusal is the SIP status of a document that connects the call to nothing. There is no voice to <Say> with.
func (d Document) refusal() (code int, reason string) {
	for _, one := range []*Element{d.Reject, d.Hangup} {
		if one != nil && one.Reason == "busy" {
			return sip.StatusBusyHere, "Busy Here"
		}
	}
	if d.Reject != nil {
		return sip.StatusGlobalDecline, "Decline"
	}
	return sip.StatusTemporarilyUnavailable, "Temporarily Unavailable"
}

func (c *Call) askWebhook(ctx context.Context) (document Document, err error) {
	b := c.bridge
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	form := b.carrier.form(c)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, b.webhook.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return document, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	if b.token != "" {
		b.carrier.sign(request.Header, b.webhook.String(), form, b.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return document, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxXMLBytes))
	if err != nil {
		return document, err
	}
	if response.StatusCode != http.StatusOK {
		return document, fmt.Errorf("the webhook answered %d: %.200s", response.StatusCode, body)
	}
	if err := xml.Unmarshal(body, &document); err != nil {
		return document, errors.Join(errors.New("the webhook answered no XML"), err)
	}
	return document, nil
}

// reachable stands for the proxy that ends TLS: where the webhook is reached by plain HTTP, the same host's WebSocket is too.
func (b *Bridge) reachable(target string) string {
	parsed, err := url.Parse(target)
	if err == nil && b.webhook.Scheme == "http" && parsed.Host == b.webhook.Host {
		parsed.Scheme = "ws"
		return parsed.String()
	}
	return target
}

var number = regexp.MustCompile(`^\+?\d+$`)

// address is a phone number, or the SIP URI of who has none.
func address(uri sip.Uri) string {
	if number.MatchString(uri.User) {
		return uri.User
	}
	return fmt.Sprintf("sip:%s@%s", uri.User, uri.Host)
}
