// A phone bridge for tests and the demo: calls over SIP and RTP on one side, a carrier's webhook, media WebSocket and REST API on the other.
//
// Events are JSON lines on standard output. The bridge ends with its standard input, so that it never outlives its parent.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/emiago/diago"
	"github.com/emiago/diago/media"
	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
)

// Bridge has the settings of all calls, and those that go on.
type Bridge struct {
	carrier Carrier
	webhook *url.URL
	account string
	token   string
	// Faults of the network, in both directions.
	loss     float64
	jitter   time.Duration
	seed     uint64
	maxCalls int

	mu    sync.Mutex
	calls map[string]*Call
	all   sync.WaitGroup
}

func main() {
	b := &Bridge{calls: map[string]*Call{}}
	sipAddress := flag.String("sip", "127.0.0.1:0", "address for SIP over UDP; RTP is at the same IP address")
	apiAddress := flag.String("api", "127.0.0.1:0", "address of the REST API")
	webhook := flag.String("webhook", "", "URL of the runner's webhook")
	carrier := flag.String("carrier", "twilio", "twilio or plivo")
	flag.StringVar(&b.account, "account", "AC1", "id of the carrier's account")
	flag.StringVar(&b.token, "token", "", "auth token: signs Twilio's webhooks, and is required by the REST API")
	flag.Float64Var(&b.loss, "loss", 0, "share of RTP packets that are lost, 0 to 1")
	flag.DurationVar(&b.jitter, "jitter", 0, "longest additional delay of an RTP packet")
	flag.Uint64Var(&b.seed, "seed", 1, "seed of loss and jitter")
	flag.IntVar(&b.maxCalls, "max-calls", 10, "calls at once; more are busy")
	flag.Parse()
	if err := b.serve(*carrier, *webhook, *sipAddress, *apiAddress); err != nil {
		fmt.Fprintln(os.Stderr, "phone-bridge:", err)
		os.Exit(1)
	}
}

func (b *Bridge) serve(carrier, webhook, sipAddress, apiAddress string) error {
	var err error
	if b.webhook, err = url.Parse(webhook); err != nil || b.webhook.Host == "" {
		return fmt.Errorf("-webhook must be a URL such as http://127.0.0.1:7860/, not %q", webhook)
	}
	var known bool
	if b.carrier, known = carriers[carrier]; !known {
		return fmt.Errorf("-carrier must be twilio or plivo, not %q", carrier)
	}
	if !(b.loss >= 0 && b.loss <= 1) || b.jitter < 0 || b.maxCalls < 1 {
		return fmt.Errorf("-loss must be 0 to 1, -jitter at least 0, -max-calls at least 1")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()

	address, err := freeUDP(sipAddress)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	media.SetDefaultLogger(logger)
	sip.SetDefaultLogger(logger)
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("bot"))
	if err != nil {
		return err
	}
	defer ua.Close()
	phone := diago.NewDiago(ua, diago.WithLogger(logger), diago.WithTransport(diago.Transport{
		Transport: "udp", BindHost: address.IP.String(), BindPort: address.Port,
	}))
	api, err := net.Listen("tcp", apiAddress)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: b.api(), ReadTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = server.Serve(api) }()
	defer server.Close()

	// Calls end before the SIP transport does, so that their phones get a BYE.
	serving, close := context.WithCancel(context.Background())
	defer close()
	handle := func(dialog *diago.DialogServerSession) { b.handle(ctx, dialog) }
	if err := phone.ServeBackground(serving, handle); err != nil {
		return err
	}
	emit("listening", map[string]any{"sip": address.String(), "api": "http://" + api.Addr().String()})
	<-ctx.Done()
	ended := make(chan struct{})
	go func() {
		b.all.Wait()
		ended <- struct{}{}
	}()
	select {
	case <-ended:
	case <-time.After(2 * time.Second):
	}
	return nil
}

// add returns false when all lines are busy.
func (b *Bridge) add(call *Call) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.calls) >= b.maxCalls {
		return false
	}
	b.calls[call.id] = call
	b.all.Add(1)
	return true
}

func (b *Bridge) remove(call *Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.calls, call.id)
	b.all.Done()
}

// hangUp returns false for a call that is over.
func (b *Bridge) hangUp(id string) bool {
	b.mu.Lock()
	call := b.calls[id]
	b.mu.Unlock()
	if call == nil {
		return false
	}
	call.end("api", nil)
	return true
}

// freeUDP chooses a port where none is given.
func freeUDP(address string) (*net.UDPAddr, error) {
	asked, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	if asked.IP == nil {
		return nil, fmt.Errorf("-sip must have an IP address, such as 127.0.0.1:5060")
	}
	socket, err := net.ListenUDP("udp", asked)
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	return socket.LocalAddr().(*net.UDPAddr), nil
}

var stdout sync.Mutex

// emit writes an event as one line.
func emit(event string, fields map[string]any) {
	fields["event"] = event
	line, err := json.Marshal(fields)
	if err != nil {
		return
	}
	stdout.Lock()
	defer stdout.Unlock()
	_, _ = os.Stdout.Write(append(line, '\n'))
}
