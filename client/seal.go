package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hearthws/hearth/seal"
)

// offerSeal makes the client's half of the handshake, and adds it to
// credentials, which have to be an object.
func offerSeal(opts *seal.ClientOptions, credentials json.RawMessage) (*seal.Offer, json.RawMessage, *Error) {
	offer, err := seal.NewOffer(*opts)
	if err != nil {
		return nil, nil, &Error{Code: ErrUsage, Text: "option Encryption: " + plainText(err), Err: err}
	}
	members := map[string]json.RawMessage{}
	if credentials != nil {
		if err := json.Unmarshal(credentials, &members); err != nil {
			return nil, nil, &Error{Code: ErrUsage, Text: "with Options.Encryption the credentials must be a JSON object, or a string as token", Err: err}
		}
	}
	own, err := json.Marshal(offer.Credentials())
	if err == nil {
		err = json.Unmarshal(own, &members)
	}
	if err == nil {
		credentials, err = json.Marshal(members)
	}
	if err != nil {
		return nil, nil, &Error{Code: ErrUsage, Text: fmt.Sprintf("the credentials cannot be written as JSON: %v", err), Err: err}
	}
	return offer, credentials, nil
}

// sealError is the error for what package seal refuses.
func sealError(err error) *Error {
	e := &Error{Err: err}
	switch {
	case errors.Is(err, seal.ErrServerKey):
		e.Code = ErrServerKey
		e.Text = "the server's key is not the pinned one: it was changed, or somebody is in the middle; compare Options.Encryption.ServerKeys"
	case errors.Is(err, seal.ErrBroken):
		e.Code = ErrSeal
		e.Text = fmt.Sprintf("%s; the connection is made again", plainText(err))
	default:
		e.Code = ErrEncryptionRefused
		e.Text = fmt.Sprintf("%s; turn it on there (package seal), or leave out Options.Encryption", plainText(err))
	}
	return e
}

// plainText is the text of an error of package seal without its prefix.
func plainText(err error) string { return strings.TrimPrefix(err.Error(), "seal: ") }
