// Package api holds the contract itself, so that the program which enforces it
// carries the very text that people read.
package api

import _ "embed"

// OpenAPI is openapi.yaml as it is in the repository: for development, with
// the default address and cookie name. What a server serves is made from it by
// internal/contract.
//
//go:embed openapi.yaml
var OpenAPI []byte

// PasswordLength is what PASSWORD_POLICY=length changes in it: a map of YAML paths
// to values.
//
//go:embed password-length.yaml
var PasswordLength []byte
