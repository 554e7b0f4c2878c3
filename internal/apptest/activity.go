package apptest

import (
	"encoding/json"
	"fmt"
)

// Events asks for a page, and returns its events as "event of user from ip".
func (b *Browser) Events(path string) (events []string, all []map[string]any, next string) {
	b.H.T.Helper()
	var page struct {
		Events     []map[string]any
		NextCursor *string `json:"next_cursor"`
	}
	if err := json.Unmarshal(b.Call("GET", path, nil).Want(200, "").Body, &page); err != nil {
		b.H.T.Fatal(err)
	}
	for _, e := range page.Events {
		events = append(events, fmt.Sprint(e["event"]))
	}
	if page.NextCursor != nil {
		next = *page.NextCursor
	}
	return events, page.Events, next
}
