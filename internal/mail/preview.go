package mail

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Preview is a [Sender] for development. It sends nothing, keeps the last mails in memory
// and logs their links. It must not exist in production, where a link in a log gives
// access to an account.
type Preview struct {
	Now    func() time.Time
	Logger *slog.Logger

	mu     sync.Mutex
	mails  []Previewed // oldest first
	lastID int64
}

// Previewed is a mail kept by [Preview].
type Previewed struct {
	ID     int64 // never reused
	SentAt time.Time
	Rendered
}

// maxPreviewed is the number of mails kept.
const maxPreviewed = 100

var _ Sender = (*Preview)(nil)

// Send stores m and logs its link.
func (p *Preview) Send(ctx context.Context, m Rendered) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastID++
	p.mails = append(p.mails, Previewed{p.lastID, p.Now(), m})
	if len(p.mails) > maxPreviewed {
		p.mails = slices.Delete(p.mails, 0, len(p.mails)-maxPreviewed)
	}
	p.Logger.InfoContext(ctx, "mail kept instead of sent", "id", p.lastID, "kind", m.Kind, "to", m.To, "link", m.Link)
	return nil
}

// List returns the stored mails, newest first.
func (p *Preview) List() []Previewed {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := slices.Clone(p.mails)
	slices.Reverse(list)
	return list
}

// Get returns the mail with the given ID.
func (p *Preview) Get(id int64) (Previewed, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.mails {
		if m.ID == id {
			return m, true
		}
	}
	return Previewed{}, false
}
