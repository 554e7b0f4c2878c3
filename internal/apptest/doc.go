// Package apptest runs the whole server on a real database behind real HTTP, for the
// tests of the features, of the HTTP edge and of the app. Every response that a test sees
// is checked against the contract.
package apptest
