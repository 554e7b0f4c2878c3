package config

import (
	"fmt"
	"log/slog"
	"reflect"
)

// Secret is a setting that must not be printed. Every usual way of printing it, alone
// or inside a struct, gives a placeholder; string(secret) gives the value.
type Secret string

const redacted = "[redacted]"

// String is for %v and %s. An empty secret shows as empty: that none is set is worth
// knowing.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString is for %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText is for JSON and the like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String prints every setting, secrets redacted.
func (c Config) String() string { return c.LogValue().String() }

// LogValue is a group with every setting, secrets redacted. It walks the struct, so a
// new field is in it without anyone's remembering.
func (c Config) LogValue() slog.Value {
	v := reflect.ValueOf(c)
	attrs := make([]slog.Attr, 0, v.NumField())
	for i := range v.NumField() {
		field := v.Field(i)
		if field.Kind() == reflect.Pointer && !field.IsNil() {
			field = field.Elem()
		}
		attrs = append(attrs, slog.Any(v.Type().Field(i).Name, field.Interface()))
	}
	return slog.GroupValue(attrs...)
}
