package account_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// shown are the columns that are exported in other words.
var shown = map[string]func(row map[string]any) any{
	"outbox.last_error": func(row map[string]any) any {
		if row["last_error"] == nil {
			return nil
		}
		return "deferred"
	},
	"outbox.details": func(row map[string]any) any {
		if row["kind"] == "verify_email" {
			return "{}" // a stranger may have asked for it, and is not the owner's to know
		}
		return row["details"]
	},
}

// hidden are the columns of an event that says what somebody else did.
var hidden = []string{"actor_id", "ip", "user_agent", "request_id", "session_hash"}

// lacking lists what rows have and their export does not.
func lacking(columns map[string][]apptest.Column, members, rows map[string][]map[string]any, userID int) (lacks []string) {
	for table, exported := range members {
		if len(exported) == 0 || len(exported) != len(rows[table]) {
			lacks = append(lacks, fmt.Sprintf("%s: %d rows of %d", table, len(exported), len(rows[table])))
			continue
		}
		byID := func(a, b map[string]any) int { return cmp.Compare(a["id"].(float64), b["id"].(float64)) }
		slices.SortFunc(exported, byID)
		slices.SortFunc(rows[table], byID)
		for _, c := range columns[table] {
			if _, has := exported[0][c.Name]; has == slices.Contains(withheld[table], c.Name) {
				lacks = append(lacks, fmt.Sprintf("%s.%s (is it there: %v)", table, c.Name, has))
				continue
			}
			for i, row := range rows[table] {
				got, there := exported[i][c.Name]
				want := row[c.Name]
				if translate := shown[table+"."+c.Name]; translate != nil {
					want = translate(row)
				}
				if table == "audit_events" && row["actor_id"] != nil && row["actor_id"] != float64(userID) && slices.Contains(hidden, c.Name) {
					want = nil
				}
				if there && got != want {
					lacks = append(lacks, fmt.Sprintf("%s.%s of %v, which is %v, not %v", table, c.Name, row["id"], want, got))
				}
			}
		}
	}
	return lacks
}

// unexported lists what the database holds about somebody and the export lacks.
func unexported(h *apptest.Harness, b *apptest.Browser, userID int) (lacks []string) {
	h.T.Helper()
	members, rows := h.Export(b, userID)
	lacks = lacking(h.Columns(), members, rows, userID)
	if members["users"][0]["has_password"] != true {
		lacks = append(lacks, "whether there is a password")
	}
	tables := h.PersonalTables()
	for table := range tables {
		if _, has := members[table]; !has {
			lacks = append(lacks, table)
		}
	}
	slices.Sort(lacks)
	return lacks
}

// A check that never fails proves nothing: another value in any column must show.
func TestWrongValuesInTheExportAreFound(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		alice, id := populate(h)
		members, rows := h.Export(alice, id)
		columns := h.Columns()
		if got := lacking(columns, members, rows, id); len(got) > 0 {
			t.Fatalf("it lacks %q", got)
		}
		for table, list := range rows {
			for name, value := range list[0] {
				_, has := members[table][0][name]
				if !has || name == "id" || shown[table+"."+name] != nil {
					continue
				}
				list[0][name] = "another"
				got := strings.Join(lacking(columns, members, rows, id), ", ")
				if !strings.Contains(got, table+"."+name+" of ") {
					t.Errorf("%s.%s: it lacks %q", table, name, got)
				}
				list[0][name] = value
			}
		}
	})
}
