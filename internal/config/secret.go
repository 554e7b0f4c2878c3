package config

import (
	"fmt"
	"log/slog"
	"reflect"
)

// Secret is a setting that must not be printed. All usual ways to print it, alone or
// inside a struct, print a placeholder; string(secret) returns the value.
type Secret string

const redacted = "[redacted]"

// String implements fmt.Stringer. It returns "" for an empty secret, so that a missing
// secret is visible.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer for %#v.
func (s Secret) GoString() string { return fmt.Sprintf("%q", s.String()) }

// MarshalText implements encoding.TextMarshaler, for JSON and other encodings.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String returns all settings with secrets redacted.
func (c Config) String() string { return c.LogValue().String() }

// LogValue returns a group of all settings with secrets redacted. It iterates over the
// struct, so that it includes new fields automatically.
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
