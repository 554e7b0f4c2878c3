// Package api embeds the contract, so that the server enforces the same text that people read.
package api

import _ "embed"

// OpenAPI is openapi.yaml as it is in the repository, with the address and cookie name
// for development. internal/contract makes the document that a server serves from it.
//
//go:embed openapi.yaml
var OpenAPI []byte

// PasswordLength has the changes of PASSWORD_POLICY=length: a map of YAML paths to values.
//
//go:embed password-length.yaml
var PasswordLength []byte
