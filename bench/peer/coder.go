package main

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
)

func newCoder() (http.Handler, error) {
	h := newHub(func(text []byte) ([]byte, error) { return text, nil })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow() //nolint:errcheck // nobody is left to tell
		ctx := context.Background()
		h.client(func() ([]byte, error) {
			_, text, err := ws.Read(ctx)
			return text, err
		}, func(text []byte) error {
			return ws.Write(ctx, websocket.MessageText, text)
		})
	}), nil
}
