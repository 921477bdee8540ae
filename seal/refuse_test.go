package seal_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/seal"
)

// refused is the end of a client whose sealed message did not open.
func (p *peer) refused(why string) {
	p.t.Helper()
	code, reason := p.ExpectClose()
	if code != hearth.CloseSealRefused || reason != "Sealed message refused" {
		p.t.Errorf("%s: closed with %d %q", why, code, reason)
	}
}

const errorRefused = `{"event":"error","data":{"message":"Sealed message refused"}}`

// Whatever bit of a sealed message is flipped on its way, the application sees
// nothing of it, and nothing that follows. Fails when open passes what the AEAD
// does not.
func TestA32EveryBitFlipped(t *testing.T) {
	e := newEncryption(t, seal.Options{})
	var heard atomic.Int64
	options := func() hearth.Options {
		o := sealing(e)
		o.RequireSealedInbound = true
		o.OnMessage = func(context.Context, *hearth.Client, hearth.Message) error { heard.Add(1); return nil }
		return o
	}
	onBoth(t, options, func(t *testing.T, _ *hearthtest.Server, dial func() *hearthtest.Client) {
		length := len(connect(t, dial(), seal.ClientOptions{}).session.Seal([]byte(`{"event":"x"}`)))
		closed := map[int]int{}
		for bit := range 8 * length {
			c := connect(t, dial(), seal.ClientOptions{})
			text := c.session.Seal([]byte(`{"event":"x"}`))
			text[bit/8] ^= 1 << (bit % 8)
			_, _ = c.Write(masked(text))
			_, _ = c.Write(masked(c.session.Seal([]byte(`{"event":"y"}`)))) // the connection may be gone
			code, _ := c.ExpectClose()
			closed[code]++
			c.Drop()
		}
		// A text that is not UTF-8 any more ends earlier.
		if closed[hearth.CloseSealRefused] != 7*length || closed[hearth.CloseInvalidData] != length {
			t.Errorf("connections were closed with %v", closed)
		}
		if n := heard.Load(); n != 0 {
			t.Errorf("the application has seen %d messages", n)
		}
	})
}

// change is something that happens to messages on their way.
type change struct {
	name string
	do   func(t *testing.T, c, other *peer) []string
	// What a client that does not count hears; "" is an echo of "x".
	uncounted []string
}

// A message that was opened is not opened again, nor one of the server's own.
// Fails when check takes every IV.
func TestA29Replay(t *testing.T) {
	testChanges(t, []change{
		{"sent twice", func(_ *testing.T, c, _ *peer) []string {
			m := c.x()
			c.SendText(m)
			c.expect(`{"event":"x","data":1}`)
			return []string{m}
		}, []string{errorRefused}},
		{"of the server, sent back", func(t *testing.T, c, _ *peer) []string {
			if _, err := c.Conn().Send("tick", 1); err != nil {
				t.Fatal(err)
			}
			m := c.Next().String()
			if _, err := c.session.Open([]byte(m)); err != nil {
				t.Fatal(err)
			}
			return []string{m}
		}, []string{errorRefused}},
	})
}

// Messages in another order, or with one missing, are not those of a client that
// counts. Fails when check takes every IV.
func TestA30Reorder(t *testing.T) {
	testChanges(t, []change{
		{"in another order", func(_ *testing.T, c, _ *peer) []string {
			first, second := c.x(), c.x()
			return []string{second, first}
		}, []string{"", ""}},
		{"one left out", func(_ *testing.T, c, _ *peer) []string {
			c.x()
			return []string{c.x()}
		}, []string{""}},
	})
}

// A message that was made shorter, or longer, is none. Fails when open passes
// what the AEAD does not.
func TestA31Truncation(t *testing.T) {
	testChanges(t, []change{
		{"cut in its tag", edited(func(d *sealedParts) { d.CT = d.CT[:len(d.CT)-1] }), []string{errorRefused}},
		{"without its tag", edited(func(d *sealedParts) { d.CT = d.CT[:len(d.CT)-16] }), []string{errorRefused}},
		{"cut in front", edited(func(d *sealedParts) { d.CT = d.CT[1:] }), []string{errorRefused}},
		{"longer by a byte", edited(func(d *sealedParts) { d.CT = append(d.CT, 0) }), []string{errorRefused}},
	})
}

// What belongs to another session or message does not open. Fails when deriveKey
// has one key for all.
func TestA33OtherSession(t *testing.T) {
	testChanges(t, []change{
		{"of another session", func(_ *testing.T, _, other *peer) []string { return []string{other.x()} }, []string{errorRefused}},
		{"with the nonce of another message", edited(func(d *sealedParts) { d.IV[11]++ }), []string{errorRefused}},
	})
}

// Parts of the wrong length or form are refused before they reach the AEAD. Fails
// when open does not look at the length of what it takes for an IV.
func TestA34WrongLengths(t *testing.T) {
	testChanges(t, []change{
		{"shorter than a tag", edited(func(d *sealedParts) { d.CT = d.CT[:15] }), []string{errorRefused}},
		{"without anything", edited(func(d *sealedParts) { d.CT = nil }), []string{errorRefused}},
		{"with 11 bytes of nonce", edited(func(d *sealedParts) { d.IV = d.IV[:11] }), []string{errorRefused}},
		{"with 13 bytes of nonce", edited(func(d *sealedParts) { d.IV = append(d.IV, 0) }), []string{errorRefused}},
		{"without a nonce", edited(func(d *sealedParts) { d.IV = nil }), []string{errorRefused}},
		{"without data", func(*testing.T, *peer, *peer) []string { return []string{`{"event":"encrypted"}`} }, []string{errorRefused}},
		{"with data of another form", func(*testing.T, *peer, *peer) []string {
			return []string{`{"event":"encrypted","data":[]}`, `{"event":"encrypted","data":null}`, `{"event":"encrypted","data":{"iv":1,"ct":"A"}}`}
		}, []string{errorRefused, errorRefused, errorRefused}},
		{"with a member twice", func(_ *testing.T, c, _ *peer) []string {
			return []string{strings.Replace(c.x(), `"ct"`, `"ct":"","ct"`, 1)}
		}, []string{errorRefused}},
	})
}

// x seals a message that is echoed.
func (p *peer) x() string { return string(p.session.Seal([]byte(`{"event":"x","data":1}`))) }

// sealedParts is the data of a sealed message.
type sealedParts struct {
	IV []byte `json:"iv"`
	CT []byte `json:"ct"`
}

func edited(f func(d *sealedParts)) func(t *testing.T, c, other *peer) []string {
	return func(t *testing.T, c, _ *peer) []string {
		t.Helper()
		var m struct {
			Event string      `json:"event"`
			Data  sealedParts `json:"data"`
		}
		if err := json.Unmarshal([]byte(c.x()), &m); err != nil {
			t.Fatal(err)
		}
		f(&m.Data)
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return []string{string(text)}
	}
}

// testChanges: a client that counts is sent away after the first message that is
// not right; another one learns of it.
func testChanges(t *testing.T, changes []change) {
	t.Helper()
	e := newEncryption(t, seal.Options{})
	onBoth(t, func() hearth.Options { return sealing(e) }, func(t *testing.T, s *hearthtest.Server, dial func() *hearthtest.Client) {
		refusals := int64(0)
		for _, change := range changes {
			t.Run(change.name, func(t *testing.T) {
				other := connect(t, dial(), seal.ClientOptions{})
				c := connect(t, dial(), seal.ClientOptions{})
				for _, text := range change.do(t, c, other) {
					_, _ = c.Write(masked([]byte(text))) // the first may end it
				}
				c.expect(errorRefused)
				c.refused(change.name)
				refusals++

				c = connectUncounted(t, dial())
				for _, text := range change.do(t, c, other) {
					c.SendText(text)
				}
				for _, want := range change.uncounted {
					if want == errorRefused {
						refusals++
					} else {
						want = `{"event":"x","data":1}`
					}
					c.expect(want)
				}
				c.SendText(c.x())
				c.expect(`{"event":"x","data":1}`)
			})
		}
		if got := s.Stats().SealRefused; got != refusals {
			t.Errorf("%d refused messages are counted, want %d", got, refusals)
		}
	})
}

// connectUncounted is a client that has not announced itself, and yet seals.
func connectUncounted(t testing.TB, c *hearthtest.Client) *peer {
	t.Helper()
	offer, err := seal.NewOffer(seal.ClientOptions{})
	if err != nil {
		t.Fatal(err)
	}
	connected := c.Authenticate(map[string]any{"publicKey": offer.Credentials().PublicKey})
	if strings.Contains(string(connected.Data), `"seal"`) {
		t.Errorf("a client that does not ask is told %s", connected)
	}
	session, err := offer.Accept(connected.Data)
	if err != nil {
		t.Fatal(err)
	}
	if session.Inbound() {
		t.Error("it was not told that sealed messages are opened")
	}
	return &peer{t, c, session, connected}
}

// What a client that does not count repeats is noticed for a while.
func TestRepeatedLater(t *testing.T) {
	e := newEncryption(t, seal.Options{})
	s := hearthtest.New(t, sealing(e))
	c := connectUncounted(t, s.Dial())
	var texts []string
	for range seal.Window + 1 {
		texts = append(texts, c.x())
	}
	for _, text := range texts {
		c.SendText(text)
		c.expect(`{"event":"x","data":1}`)
	}
	for i, want := range map[int]string{seal.Window: errorRefused, 1: errorRefused} {
		c.SendText(texts[i])
		c.expect(want)
	}
	c.SendText(texts[0]) // forgotten, as PROTOCOL.md says
	c.expect(`{"event":"x","data":1}`)
}

// Where sealed messages are demanded, plain ones do nothing.
func TestRequireSealedInbound(t *testing.T) {
	const required = `{"event":"error","data":{"message":"Encryption required"}}`
	const format = `{"event":"error","data":{"message":"Invalid message format"}}`
	e := newEncryption(t, seal.Options{})
	options := func() hearth.Options {
		o := sealing(e)
		o.RequireSealedInbound = true
		return o
	}
	onBoth(t, options, func(t *testing.T, s *hearthtest.Server, dial func() *hearthtest.Client) {
		for name, c := range map[string]*peer{
			"counts":         connect(t, dial(), seal.ClientOptions{}),
			"does not count": connectUncounted(t, dial()),
		} {
			for _, test := range []struct{ text, want string }{
				{`{"event":"x","data":1}`, required},
				{`{"event":"join","data":{"rooms":["room"]}}`, required},
				{`{"event":"leave","data":{"rooms":["` + c.ID() + `"]}}`, required},
				{`{"event":"connected","data":1}`, required},
				{`{"event":"heartbeat"}`, ""},
				{`{"data":1}`, ""},
				{`{"event":"authenticate"}`, `{"event":"error","data":{"message":"Already authenticated"}}`},
				{`{`, format},
				{`null`, format},
				{string(c.session.Seal([]byte(`{"event":"heartbeat"}`))), ""},
				{string(c.session.Seal([]byte(`{"data":1}`))), ""},
				{string(c.session.Seal([]byte(`{"event":"authenticate"}`))), `{"event":"error","data":{"message":"Already authenticated"}}`},
				{string(c.session.Seal([]byte(`{`))), format},
				{string(c.session.Seal([]byte("{\"event\":\"\xff\"}"))), format},
				{string(c.session.Seal(nil)), format},
				{string(c.session.Seal([]byte(`{"event":"encrypted","data":{"iv":"","ct":""}}`))), `{"event":"encrypted","data":{"iv":"","ct":""}}`},
				{c.x(), `{"event":"x","data":1}`},
			} {
				c.SendText(test.text)
				if test.want != "" {
					c.expect(test.want)
				}
			}
			if rooms := c.Conn().Rooms(); len(rooms) != 3 || c.Conn().InRoom("room") || !c.Conn().InRoom(c.ID()) {
				t.Errorf("%s: the client is in the rooms %v", name, rooms)
			}
		}
		plain := dial()
		plain.Authenticate(nil)
		plain.Send("x", 1)
		if m := plain.Next(); m.String() != `{"event":"x","data":1}` {
			t.Errorf("a client without encryption hears %s", m)
		}
		if got := s.Stats().SealRefused; got != 0 {
			t.Errorf("%d sealed messages are counted as refused", got)
		}
	})
}
