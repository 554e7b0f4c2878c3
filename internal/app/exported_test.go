package app_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// rows reads the rows of a query as JSON would have them.
func (h *harness) rows(query string, args ...any) (all []map[string]any) {
	h.t.Helper()
	rows, err := h.DB.QueryContext(h.t.Context(), query, args...)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	if err != nil {
		h.t.Fatal(err)
	}
	for rows.Next() {
		row, into := make(map[string]any, len(names)), make([]any, len(names))
		for i := range into {
			into[i] = new(any)
		}
		if err := rows.Scan(into...); err != nil {
			h.t.Fatal(err)
		}
		for i, name := range names {
			row[name] = *into[i].(*any)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return listOf(h.t, quoted(all))
}

// listOf reads a list of objects.
func listOf(t testing.TB, text string) (list []map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return list
}

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

// export reads the export, and the rows that it should have been made of.
func (h *harness) export(b *browser, userID int) (members, rows map[string][]map[string]any) {
	h.t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b.call("GET", "/auth/export", nil).want(200, "").body, &raw); err != nil {
		h.t.Fatal(err)
	}
	members = map[string][]map[string]any{"users": listOf(h.t, "["+string(raw["account"])+"]")}
	for table, member := range exportedAs {
		members[table] = listOf(h.t, string(raw[member]))
	}
	rows = map[string][]map[string]any{"users": h.rows("SELECT * FROM users WHERE id = $1", userID)}
	owners := h.personal()
	maps.Copy(owners, outliving)
	for table := range exportedAs {
		where := owners[table] + " = $1"
		if table == "outbox" { // and what nobody knows yet whose it is
			where += " OR (user_id IS NULL AND recipient_key = 'alice@example.com')"
		}
		rows[table] = h.rows("SELECT * FROM "+table+" WHERE "+where, userID)
	}
	return members, rows
}

// lacking lists what rows have and their export does not.
func lacking(columns map[string][]column, members, rows map[string][]map[string]any, userID int) (lacks []string) {
	for table, exported := range members {
		if len(exported) == 0 || len(exported) != len(rows[table]) {
			lacks = append(lacks, fmt.Sprintf("%s: %d rows of %d", table, len(exported), len(rows[table])))
			continue
		}
		byID := func(a, b map[string]any) int { return cmp.Compare(a["id"].(float64), b["id"].(float64)) }
		slices.SortFunc(exported, byID)
		slices.SortFunc(rows[table], byID)
		for _, c := range columns[table] {
			if _, has := exported[0][c.name]; has == slices.Contains(withheld[table], c.name) {
				lacks = append(lacks, fmt.Sprintf("%s.%s (is it there: %v)", table, c.name, has))
				continue
			}
			for i, row := range rows[table] {
				got, there := exported[i][c.name]
				want := row[c.name]
				if translate := shown[table+"."+c.name]; translate != nil {
					want = translate(row)
				}
				if table == "audit_events" && row["actor_id"] != nil && row["actor_id"] != float64(userID) && slices.Contains(hidden, c.name) {
					want = nil
				}
				if there && got != want {
					lacks = append(lacks, fmt.Sprintf("%s.%s of %v, which is %v, not %v", table, c.name, row["id"], want, got))
				}
			}
		}
	}
	return lacks
}

// unexported lists what the database holds about somebody and the export lacks.
func unexported(h *harness, b *browser, userID int) (lacks []string) {
	h.t.Helper()
	members, rows := h.export(b, userID)
	lacks = lacking(h.columns(), members, rows, userID)
	if members["users"][0]["has_password"] != true {
		lacks = append(lacks, "whether there is a password")
	}
	tables := h.personal()
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
	each(t, func(t *testing.T, h *harness) {
		alice, id := populate(h)
		members, rows := h.export(alice, id)
		columns := h.columns()
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
