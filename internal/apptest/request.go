package apptest

import (
	"encoding/json"
	"testing"
)

// A Field is one entry of "fields" in an answer: field, code and message.
type Field [3]string

func FieldsOf(t testing.TB, a *Answer) []Field {
	t.Helper()
	var body struct {
		Fields []struct{ Field, Code, Message string }
	}
	if err := json.Unmarshal(a.Body, &body); err != nil {
		t.Fatal(err)
	}
	var fields []Field
	for _, f := range body.Fields {
		fields = append(fields, Field{f.Field, f.Code, f.Message})
	}
	return fields
}
