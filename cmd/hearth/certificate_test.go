//go:build unix

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// writeCertificates gives a script two certificates of 127.0.0.1 that are
// their own authorities: a.pem with a.key, and b.pem with b.key.
func writeCertificates(env *testscript.Env) error {
	for i, name := range []string{"a", "b"} {
		cert, key, err := newCertificate(int64(i + 1))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, name+".pem"), cert, 0o600); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(env.WorkDir, name+".key"), key, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func newCertificate(serial int64) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "hearth test"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), nil
}

// trust is a client's configuration that trusts the certificate in file.
func trust(ts *testscript.TestScript, file string) *tls.Config {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(ts.ReadFile(file))) {
		ts.Fatalf("%s has no certificate", file)
	}
	return &tls.Config{RootCAs: pool}
}
