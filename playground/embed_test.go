package playground

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// get asks the handler as a browser would.
func get(t *testing.T, method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	res := w.Result()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

var references = regexp.MustCompile(`(?:src|href)="([^"]*)"`)

func TestPageAndWhatItRefersTo(t *testing.T) {
	res, page := get(t, http.MethodGet, "/", nil)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("/ is answered %d", res.StatusCode)
	}
	kinds := map[string]int{}
	for _, m := range references.FindAllStringSubmatch(page, -1) {
		if strings.HasPrefix(m[1], "?") {
			continue // the page itself
		}
		res, body := get(t, http.MethodGet, m[1], nil)
		kind := res.Header.Get("Content-Type")
		if res.StatusCode != http.StatusOK || kind == "" || body == "" {
			t.Errorf("%s is answered %d with %d bytes of type %q", m[1], res.StatusCode, len(body), kind)
		}
		kinds[kind]++
	}
	for _, kind := range []string{"text/javascript; charset=utf-8", "text/css; charset=utf-8", "image/svg+xml"} {
		if kinds[kind] == 0 {
			t.Errorf("the page refers to nothing of type %s", kind)
		}
	}
}

func TestNothingThatThePolicyForbids(t *testing.T) {
	res, page := get(t, http.MethodGet, "/", nil)
	csp := res.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") {
		t.Errorf("the policy is %q", csp)
	}
	for name, want := range map[string]string{
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Embedder-Policy": "require-corp",
		"X-Content-Type-Options":       "nosniff",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, pattern := range []string{`<style`, `\sstyle=`, `\son[a-z]+=`, `<script[^>]*>[^<]`, `https?://`} {
		if found := regexp.MustCompile(pattern).FindString(page); found != "" {
			t.Errorf("the page contains %q", found)
		}
	}
	for name, f := range load() {
		outside := regexp.MustCompile(`(?:url\(|@import\s*)["']?(?:https?:)?//`)
		if strings.HasSuffix(name, ".css") && outside.Match(f.content) {
			t.Errorf("%s refers to the outside", name)
		}
	}
}

func TestCaching(t *testing.T) {
	for path, want := range map[string]string{
		"/":          "no-cache",
		"/client.js": "public, max-age=300",
	} {
		res, _ := get(t, http.MethodGet, path, nil)
		if got := res.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control is %q, want %q", path, got, want)
		}
		again, body := get(t, http.MethodGet, path, http.Header{"If-None-Match": {res.Header.Get("ETag")}})
		if again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s asked with its ETag is answered %d with %d bytes", path, again.StatusCode, len(body))
		}
	}
	for name := range load() {
		if !strings.HasPrefix(name, "/assets/") {
			continue
		}
		res, _ := get(t, http.MethodGet, name, nil)
		if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control is %q", name, got)
		}
	}
}

func TestClientFileForOtherOrigins(t *testing.T) {
	res, body := get(t, http.MethodGet, "/client.js", nil)
	if got := res.Header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("its type is %q", got)
	}
	if res.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Error("pages of other origins may not load it")
	}
	if !strings.Contains(body, "Hearth") {
		t.Error("it does not define Hearth")
	}
}

func TestOtherRequests(t *testing.T) {
	for _, path := range []string{"/nothing", "/index.html", "/dist/index.html", "/assets/", "/assets", "/../embed.go", "/client.js/"} {
		if res, _ := get(t, http.MethodGet, path, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s is answered %d", path, res.StatusCode)
		}
	}
	if res, _ := get(t, http.MethodPost, "/", nil); res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST is answered %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
	}
	if res, body := get(t, http.MethodHead, "/", nil); res.StatusCode != http.StatusOK || body != "" || res.ContentLength == 0 {
		t.Errorf("HEAD is answered %d with %d bytes", res.StatusCode, len(body))
	}
}
