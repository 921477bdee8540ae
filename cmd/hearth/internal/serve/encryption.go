package serve

import (
	"crypto/ecdh"
	"fmt"
	"os"

	"github.com/hearthws/hearth/seal"
)

// What --encryption can be.
const (
	EncryptionOff      = "off"
	EncryptionOffered  = "offered"
	EncryptionRequired = "required"
)

// encryption is that of the server, with keys that can be replaced.
type encryption struct {
	*seal.Encryption
	file string // "": a key of this process
}

// newEncryption is nil when there is none.
func newEncryption(cfg *Config) (*encryption, error) {
	if cfg.Encryption == EncryptionOff || cfg.Encryption == "" {
		return nil, nil
	}
	e := &encryption{file: cfg.EncryptionKeyFile}
	var o seal.Options
	var err error
	if e.file != "" {
		if o.Keys, err = ReadKeys(e.file); err != nil {
			return nil, err
		}
	}
	e.Encryption, err = seal.New(o)
	return e, err
}

// ReadKeys reads a file of --encryption-key.
func ReadKeys(file string) ([]*ecdh.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	keys, err := seal.ParseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

// reload reads the file again.
func (e *encryption) reload() error {
	keys, err := ReadKeys(e.file)
	if err != nil {
		return err
	}
	return e.Rotate(keys...)
}

// reloadEncryption keeps the keys that there are when the file is wrong.
func (n *node) reloadEncryption() {
	if n.encryption == nil || n.encryption.file == "" {
		return
	}
	if err := n.encryption.reload(); err != nil {
		n.log.Error("encryption keys not reloaded, the old ones stay", "error", err)
		return
	}
	n.log.Info("encryption keys reloaded", "publicKeys", n.encryption.PublicKeys())
}
