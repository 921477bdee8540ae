package handshake_test

import (
	"strings"
	"testing"

	"github.com/hearthws/hearth/internal/handshake"
)

func TestDeflateOffers(t *testing.T) {
	const pmd = "permessage-deflate"
	tests := []struct {
		name   string
		header string
		bits   int // 0: not agreed on, -1: refused
	}{
		{"Firefox", pmd, 15},
		{"Chrome", pmd + "; client_max_window_bits", 15},
		{"Safari", "x-webkit-deflate-frame", 0},
		{"empty", "", 0},
		{"all", pmd + "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=12", 10},
		{"no spaces", pmd + ";server_max_window_bits=9;client_max_window_bits", 9},
		{"quoted", pmd + `; server_max_window_bits="11"`, 11},
		{"quoted pair", pmd + `; server_max_window_bits="1\2"`, 12},
		{"server window 15", pmd + "; server_max_window_bits=15", 15},
		{"client window 8", pmd + "; client_max_window_bits=8", 15},
		{"client window 15", pmd + "; client_max_window_bits=15", 15},
		{"other extension before", "x-other; a=1; b, " + pmd, 15},
		{"other extension behind", pmd + `, x-other; a="x-y"`, 15},
		{"empty elements", ", ," + pmd + ",", 15},

		{"server window 8", pmd + "; server_max_window_bits=8", 0},
		{"server window 8, then a fallback", pmd + "; server_max_window_bits=8, " + pmd, 15},
		{"first acceptable offer", pmd + "; server_max_window_bits=16, " + pmd + "; server_max_window_bits=10, " + pmd, 10},
		{"server window 7", pmd + "; server_max_window_bits=7", 0},
		{"server window 16", pmd + "; server_max_window_bits=16", 0},
		{"server window with a zero", pmd + "; server_max_window_bits=09", 0},
		{"server window without value", pmd + "; server_max_window_bits", 0},
		{"server window ?", pmd + "; server_max_window_bits=abc", 0},
		{"server window that overflows", pmd + "; server_max_window_bits=18446744073709551625", 0},
		{"client window 7", pmd + "; client_max_window_bits=7", 0},
		{"client window 16", pmd + "; client_max_window_bits=16", 0},
		{"takeover with value", pmd + "; server_no_context_takeover=1", 0},
		{"client takeover with value", pmd + "; client_no_context_takeover=true", 0},
		{"unknown parameter", pmd + "; max_inflate=1", 0},
		{"unknown parameter, then a fallback", pmd + "; max_inflate=1, " + pmd, 15},
		{"parameter of other case", pmd + "; Server_Max_Window_Bits=10", 0},
		{"twice server takeover", pmd + "; server_no_context_takeover; server_no_context_takeover", 0},
		{"twice client takeover", pmd + "; client_no_context_takeover; client_no_context_takeover", 0},
		{"twice server window", pmd + "; server_max_window_bits=10; server_max_window_bits=10", 0},
		{"twice client window", pmd + "; client_max_window_bits; client_max_window_bits", 0},

		{"two words", "x " + pmd, -1},
		{"no name", "; a=1", -1},
		{"parameter without name", pmd + ";", -1},
		{"parameter without name, with value", pmd + "; =10", -1},
		{"value left out", pmd + "; client_max_window_bits=", -1},
		{"quoted nothing", pmd + `; server_no_context_takeover=""`, -1},
		{"quoted no token", pmd + `; server_max_window_bits="1 0"`, -1},
		{"quote not closed", pmd + `; server_max_window_bits="10`, -1},
		{"quote that ends in a backslash", pmd + `; server_max_window_bits="10\`, -1},
		{"comment", pmd + " (comment)", -1},
		{"not ASCII", "pérmessage-deflate", -1},
		{"error behind an acceptable offer", pmd + ", =", -1},
		{"64 extensions", strings.Repeat("x,", 63) + pmd, 15},
		{"65 extensions", strings.Repeat("x,", 64) + pmd, -1},
		{"64,000 extensions", strings.Repeat(pmd+",", 64000), -1},
		{"65 parameters", "x" + strings.Repeat(";a", 64), -1},
		{"65 empty elements", strings.Repeat(",", 65), -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := parse(t, request())
			r.Header["Sec-Websocket-Extensions"] = []string{tt.header}
			plan, err := handshake.Check(r, &handshake.Options{Deflate: true})
			switch {
			case tt.bits < 0:
				if err == nil || err.Status != 400 || err.Reason != "extension" {
					t.Errorf("Check = %v, want it refused", err)
				}
				return
			case err != nil:
				t.Fatal(err)
			case plan.Deflate != (tt.bits > 0) || plan.Deflate && plan.WindowBits != tt.bits:
				t.Errorf("agreed on deflate: %v with %d bits, want %d", plan.Deflate, plan.WindowBits, tt.bits)
			}
			if plan, err := handshake.Check(r, &handshake.Options{}); err != nil || plan.Deflate {
				t.Errorf("without the option: deflate %v, %v", plan.Deflate, err)
			}
		})
	}
}

// Offers may be spread over several fields.
func TestDeflateOffersInFields(t *testing.T) {
	r := parse(t, request("Sec-WebSocket-Extensions: x", "+Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12"))
	plan, err := handshake.Check(r, &handshake.Options{Deflate: true})
	if err != nil || !plan.Deflate || plan.WindowBits != 12 {
		t.Errorf("Check = %+v, %v", plan, err)
	}
}
