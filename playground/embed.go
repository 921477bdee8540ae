// Package playground is the page to try a Hearth server with, and the client
// as a single file. Both are built from index.html, src/ and ../client/js by
// `npm run build`; what was built is committed in dist/.
package playground

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed all:dist
var dist embed.FS

// types are those of the files in dist. The system's own table is not asked:
// it differs from one to the next, and may be missing.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// policy lets the page use nothing but its own files and its own server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'"

// file is a file of dist, ready to be served.
type file struct {
	content     []byte
	contentType string
	etag        string
}

// Handler serves the page at /, its assets, and the client at /client.js for
// script tags of any origin. It answers 404 to other paths, and 405 to methods
// other than GET and HEAD. It may be called concurrently.
func Handler() http.Handler {
	files := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := r.URL.Path
		if name == "/" {
			name = "/index.html"
		} else if name == "/index.html" {
			name = ""
		}
		f, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		setHeaders(w.Header(), name, f)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	})
}

func setHeaders(h http.Header, name string, f file) {
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", policy)
	// Isolated from other origins, the page may measure in steps of 5 µs instead of 100.
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Embedder-Policy", "require-corp")
	switch {
	case strings.HasPrefix(name, "/assets/"):
		// The name has a hash of the content in it.
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	case name == "/client.js":
		h.Set("Cache-Control", "public, max-age=300")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	default:
		h.Set("Cache-Control", "no-cache")
	}
}

// load reads dist into files by their path on the server.
func load() map[string]file {
	files := map[string]file{}
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := dist.ReadFile(name)
		sum := sha256.Sum256(content)
		files[strings.TrimPrefix(name, "dist")] = file{
			content:     content,
			contentType: types[path.Ext(name)],
			etag:        `"` + hex.EncodeToString(sum[:8]) + `"`,
		}
		return err
	})
	if err != nil {
		panic("playground: embedded files cannot be read: " + err.Error())
	}
	return files
}
