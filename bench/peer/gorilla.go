package main

import (
	"net/http"

	"github.com/gorilla/websocket"
)

// newGorilla sends prepared messages, which are framed once for all.
func newGorilla() (http.Handler, error) {
	h := newHub(func(text []byte) (*websocket.PreparedMessage, error) {
		return websocket.NewPreparedMessage(websocket.TextMessage, text)
	})
	var upgrader websocket.Upgrader
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = ws.Close() }()
		h.client(func() ([]byte, error) {
			_, text, err := ws.ReadMessage()
			return text, err
		}, ws.WritePreparedMessage)
	}), nil
}
