// Package wire converts rows of the database into the types of the contract. What a type
// of the contract lacks cannot be sent.
package wire

import (
	"database/sql"

	"github.com/mileusna/useragent"

	genapi "github.com/techtreks/auth/gen/api"
	gendb "github.com/techtreks/auth/gen/db"
	"github.com/techtreks/auth/internal/audit"
)

// List converts rows; no rows are an empty list, not null.
func List[Row, Shown any](rows []Row, show func(Row) Shown) []Shown {
	list := make([]Shown, len(rows))
	for i, row := range rows {
		list[i] = show(row)
	}
	return list
}

// Value returns what p points to, or the zero value for nil.
func Value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// User returns an account as its owner sees it.
func User(u gendb.User) genapi.User {
	return genapi.User{
		ID: int(u.ID), Username: u.Username, Email: u.Email,
		Role: genapi.Role(u.Role), EmailVerified: u.EmailVerifiedAt != nil,
	}
}

// ManagedUser returns an account as administrators and the command line see it.
func ManagedUser(u gendb.User) genapi.ManagedUser {
	state := genapi.UserStateActive
	if u.DisabledAt != nil {
		state = genapi.UserStateDisabled
	}
	return genapi.ManagedUser{
		ID: int(u.ID), Username: u.Username, Email: u.Email, Role: genapi.Role(u.Role), State: state,
		EmailVerified: u.EmailVerifiedAt != nil, HasPassword: u.PasswordHash != nil,
		CreatedAt: u.CreatedAt, DisabledAt: u.DisabledAt,
	}
}

// Session returns a session. currentID is the id of the request's own session.
func Session(s gendb.Session, currentID int64) genapi.SessionInfo {
	client := useragent.Parse(s.UserAgent)
	return genapi.SessionInfo{
		ID: int(s.ID), CreatedAt: s.CreatedAt, LastSeenAt: s.LastSeenAt, IP: s.Ip, UserAgent: s.UserAgent,
		Browser: label(client.Name), Os: label(client.OS), Current: s.ID == currentID,
	}
}

// maxLabel is the maxLength of a browser's name in the contract, in characters.
const maxLabel = 100

// label truncates a name, because clients choose their User-Agent.
func label(name string) string {
	if runes := []rune(name); len(runes) > maxLabel {
		return string(runes[:maxLabel])
	}
	return name
}

// AuditEvent returns an event as administrators see it.
func AuditEvent(e gendb.AuditEvent) genapi.AuditEvent {
	return genapi.AuditEvent{
		ID: int(e.ID), CreatedAt: e.CreatedAt, Event: genapi.AuditEventName(e.Event), Outcome: genapi.AuditEventOutcome(e.Outcome),
		Reason: e.Reason, Operation: e.Operation, ActorID: id(e.ActorID), UserID: id(e.UserID), UserHash: e.UserHash,
		IP: &e.Ip, UserAgent: &e.UserAgent, RequestID: &e.RequestID, SessionHash: e.SessionHash, Repeats: int(e.Repeats),
	}
}

// OwnEvent returns an event as the owner of the account sees it. It hides the actor and
// the origin if the actor is an administrator, or unknown because the event is a
// registration with the owner's address.
func OwnEvent(owner int64, e gendb.AuditEvent) genapi.AuditEvent {
	shown := AuditEvent(e)
	registered := e.Event == string(audit.UserCreated) && e.Outcome == string(audit.Failure)
	if e.ActorID.Valid && e.ActorID.Int64 != owner || registered {
		shown.ActorID, shown.IP, shown.UserAgent, shown.RequestID, shown.SessionHash = nil, nil, nil, nil, nil
	}
	return shown
}

// id returns the id of an account, nil for none.
func id(id sql.NullInt64) *int {
	if !id.Valid {
		return nil
	}
	n := int(id.Int64)
	return &n
}
