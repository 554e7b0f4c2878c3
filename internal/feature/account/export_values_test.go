package account_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// exportedAs returns the exported value of columns that the export changes.
var exportedAs = map[string]func(row map[string]any) any{
	"outbox.last_error": func(row map[string]any) any {
		if row["last_error"] == nil {
			return nil
		}
		return "deferred"
	},
	"outbox.details": func(row map[string]any) any {
		if row["kind"] == "verify_email" {
			return "{}" // the origin may belong to another person, who requested the mail
		}
		return row["details"]
	},
}

// hidden lists the columns that the export leaves out of events of another actor.
var hidden = []string{"actor_id", "ip", "user_agent", "request_id", "session_hash"}

// differences lists the values of rows that their export lacks or changes.
func differences(columns map[string][]apptest.Column, members, rows map[string][]map[string]any, userID int) (list []string) {
	for table, exported := range members {
		if len(exported) == 0 || len(exported) != len(rows[table]) {
			list = append(list, fmt.Sprintf("%s: %d rows of %d", table, len(exported), len(rows[table])))
			continue
		}
		byID := func(a, b map[string]any) int { return cmp.Compare(a["id"].(float64), b["id"].(float64)) }
		slices.SortFunc(exported, byID)
		slices.SortFunc(rows[table], byID)
		for _, c := range columns[table] {
			if _, has := exported[0][c.Name]; has == slices.Contains(withheld[table], c.Name) {
				list = append(list, fmt.Sprintf("%s.%s (exported: %v)", table, c.Name, has))
				continue
			}
			for i, row := range rows[table] {
				got, ok := exported[i][c.Name]
				want := row[c.Name]
				if translate := exportedAs[table+"."+c.Name]; translate != nil {
					want = translate(row)
				}
				if table == "audit_events" && row["actor_id"] != nil && row["actor_id"] != float64(userID) && slices.Contains(hidden, c.Name) {
					want = nil
				}
				if ok && got != want {
					list = append(list, fmt.Sprintf("%s.%s of %v: got %v, want %v", table, c.Name, row["id"], got, want))
				}
			}
		}
	}
	return list
}

// unexported lists the data about an account that its export lacks.
func unexported(h *apptest.Harness, b *apptest.Browser, userID int) (lacks []string) {
	h.T.Helper()
	members, rows := h.Export(b, userID)
	lacks = differences(h.Columns(), members, rows, userID)
	if members["users"][0]["has_password"] != true {
		lacks = append(lacks, "has_password")
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

// The check must fail for a wrong value in any column. A check that never fails proves
// nothing.
func TestExportAccount_CheckFindsWrongValues(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		alice, id := populate(h)
		members, rows := h.Export(alice, id)
		columns := h.Columns()
		if got := differences(columns, members, rows, id); len(got) > 0 {
			t.Fatalf("the export lacks %q", got)
		}
		for table, list := range rows {
			for name, value := range list[0] {
				_, has := members[table][0][name]
				if !has || name == "id" || exportedAs[table+"."+name] != nil {
					continue
				}
				list[0][name] = "another"
				got := strings.Join(differences(columns, members, rows, id), ", ")
				if !strings.Contains(got, table+"."+name+" of ") {
					t.Errorf("%s.%s: the check has found %q, want this column", table, name, got)
				}
				list[0][name] = value
			}
		}
	})
}
