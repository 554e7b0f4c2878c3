package mail

import "time"

// Links describes the links in mails.
type Links struct {
	// FrontendURL is the beginning of each link, without a slash at the end.
	FrontendURL string
	// How long a link works after its mail was requested. The links that confirm an
	// address share VerifyTTL.
	VerifyTTL, ResetTTL, InviteTTL time.Duration
}

// URL returns the page of the front end for mails of a kind, with a token in the
// fragment, which browsers send to no server.
func (l Links) URL(kind Kind, token string) string {
	_, page := kind.purpose()
	return l.FrontendURL + page + "#token=" + token
}

// TTL returns how long the link in a mail of a kind works.
func (l Links) TTL(kind Kind) time.Duration {
	switch kind {
	case ResetPassword:
		return l.ResetTTL
	case Invitation:
		return l.InviteTTL
	}
	return l.VerifyTTL
}
