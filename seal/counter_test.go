package seal_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/hearthtest"
	"github.com/hearthws/hearth/seal"
)

// Who has used up all numbers seals nothing any more.
func TestNoncesRunOut(t *testing.T) {
	s := loadVectors(t).Sessions[0]
	client, _ := s.ends(t, true)
	seal.Exhaust(client)
	last := string(client.Seal([]byte(`{"event":"x"}`)))
	if want := base64.StdEncoding.EncodeToString(iv("c2s", 1<<64-2)); !strings.Contains(last, want) {
		t.Errorf("the last message is %s, without %s", last, want)
	}
	for range 3 {
		if text := client.Seal([]byte(`{"event":"x"}`)); len(text) != 0 {
			t.Errorf("sealed with a number that was used: %s", text)
		}
	}
}

// Many senders at once, on every way to a client: the client, which takes only
// the very next number, opens everything, and what one sender sent is in order.
// That a receiver notices any other order is what TestChangedMessages shows.
func TestSealedOrderUnderLoad(t *testing.T) {
	const clients, senders, messages = 4, 4, 100
	e := newEncryption(t, seal.Options{})
	onBoth(t, func() hearth.Options { return sealing(e) }, func(t *testing.T, s *hearthtest.Server, dial func() *hearthtest.Client) {
		var all []*peer
		for range clients {
			all = append(all, connect(t, dial(), seal.ClientOptions{}))
		}
		var sending sync.WaitGroup
		for sender := range senders {
			sending.Go(func() {
				for i := range messages {
					event, ctx := fmt.Sprint(sender), t.Context()
					switch i % 3 {
					case 0:
						_ = s.Broadcast(ctx, event, i)
					case 1:
						_ = s.ToRoom(ctx, hearth.DefaultRoom, event, i)
					case 2:
						for _, c := range all {
							_, _ = c.Conn().Send(event, i)
						}
					}
				}
			})
		}
		for _, c := range all {
			for i := range messages {
				c.SendText(string(c.session.Seal(fmt.Appendf(nil, `{"event":"own","data":%d}`, i))))
			}
		}
		for _, c := range all {
			next := map[string]int{}
			for range (senders + 1) * messages {
				event, data, _ := strings.Cut(strings.TrimPrefix(c.hear(), `{"event":"`), `","data":`)
				if want := fmt.Sprintf("%d}", next[event]); data != want {
					t.Fatalf("of sender %s %s arrived, want %s", event, data, want)
				}
				next[event]++
			}
		}
		sending.Wait()
	})
}
