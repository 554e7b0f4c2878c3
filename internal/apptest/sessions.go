package apptest

import (
	"bytes"
	"fmt"
)

// Sessions lists the caller's sessions as the server tells them.
func (b *Browser) Sessions() []map[string]any {
	b.H.T.Helper()
	var list []map[string]any
	for _, one := range b.Call("GET", "/auth/sessions", nil).Want(200, "").JSON()["sessions"].([]any) {
		list = append(list, one.(map[string]any))
	}
	return list
}

// SessionID is the number of the caller's own session.
func (b *Browser) SessionID() int {
	b.H.T.Helper()
	for _, one := range b.Sessions() {
		if one["current"] == true {
			return int(one["id"].(float64))
		}
	}
	b.H.T.Fatal("the list lacks the session that asks for it")
	return 0
}

func (b *Browser) EndSession(id any) *Answer {
	b.H.T.Helper()
	return b.Call("DELETE", fmt.Sprintf("/auth/sessions/%v", id), nil)
}

// WithoutID is the answer but for the number of the request in it.
func (a *Answer) WithoutID() *Answer {
	a.t.Helper()
	id, _ := a.JSON()["request_id"].(string)
	copied := *a
	copied.Body = bytes.ReplaceAll(a.Body, []byte(id), nil)
	return &copied
}
