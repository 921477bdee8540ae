//go:build unix

package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/hearthws/hearth"
	"github.com/hearthws/hearth/internal/transcript/servers"
	"github.com/hearthws/hearth/redisbroker"
)

// emission is what an emitter is to send. Kind is that of the envelope.
type emission struct {
	Kind    string   `json:"kind"`
	Target  string   `json:"target,omitempty"`
	Event   string   `json:"event"`
	Data    any      `json:"data"`
	Exclude []string `json:"exclude,omitempty"`
}

// emitter sends a message and returns when Redis has it.
type emitter func(emission) error

// startOriginalEmitter starts the original emitter.
func startOriginalEmitter(t testing.TB, redis string) emitter {
	t.Helper()
	cmd := bun(t, "emit.ts")
	cmd.Env = append(cmd.Env, "REDIS="+redis)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		late := time.AfterFunc(waitLimit, func() { cmd.Process.Kill() })
		defer late.Stop()
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the original emitter: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	await := func(word string) error {
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), word+" ") {
				return nil
			}
		}
		return fmt.Errorf("the original emitter ended before %s: %w", word, lines.Err())
	}
	if err := await("READY"); err != nil {
		t.Fatal(err)
	}
	return func(e emission) error {
		line, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if _, err := in.Write(append(line, '\n')); err != nil {
			return err
		}
		return await("EMITTED")
	}
}

// startHearthEmitter starts an emitter of ours.
func startHearthEmitter(t testing.TB, url string) emitter {
	t.Helper()
	broker, err := redisbroker.New(redisbroker.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	e, err := hearth.NewEmitter(t.Context(), broker, hearth.EmitterOptions{Logger: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return func(m emission) error {
		ctx, exclude := t.Context(), hearth.Exclude(m.Exclude...)
		switch m.Kind {
		case "client":
			return e.ToClient(ctx, m.Target, m.Event, m.Data)
		case "user":
			return e.ToUser(ctx, m.Target, m.Event, m.Data)
		case "room":
			return e.ToRoom(ctx, m.Target, m.Event, m.Data, exclude)
		}
		return e.Broadcast(ctx, m.Event, m.Data, exclude)
	}
}

// hearthCommand is an emitter of ours on the command line.
func hearthCommand(t testing.TB, url string) emitter {
	return func(m emission) error {
		data, err := json.Marshal(m.Data)
		if err != nil {
			return err
		}
		args := []string{"emit", m.Kind}
		if m.Kind != "broadcast" {
			args = append(args, m.Target)
		}
		args = append(args, m.Event, string(data), "--redis", url)
		if len(m.Exclude) > 0 {
			args = append(args, "--exclude", strings.Join(m.Exclude, ","))
		}
		if out, err := servers.Command(t, args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
}

// TestEmitCommand has the command line reach clients of both servers.
func TestEmitCommand(t *testing.T) {
	t.Parallel()
	w := newCompany(newCluster(t, loop, original))
	emit := hearthCommand(t, w.redis.URL())
	to, room := w.members[1], oddRooms[2]
	for _, test := range []struct {
		kind, target string
		exclude      []string
		in           func(*member) bool
	}{
		{"client", to.id, nil, func(m *member) bool { return m == to }},
		{"user", "bob", nil, func(m *member) bool { return m.user == "bob" }},
		{"room", room, nil, func(m *member) bool { return w.rooms[m][room] }},
		{"room", room, []string{to.id}, func(m *member) bool { return w.rooms[m][room] && m != to }},
		{"broadcast", "", nil, func(*member) bool { return true }},
		{"broadcast", "", []string{to.id, w.members[0].id}, func(m *member) bool { return m != to && m != w.members[0] }},
	} {
		body := w.body(test.kind)
		if err := emit(emission{test.kind, test.target, "msg", body, test.exclude}); err != nil {
			t.Fatal(err)
		}
		w.expect(body, test.in)
	}
	w.check()
}
