package server_test

import (
	"testing"

	"github.com/techtreks/auth/internal/apptest"
)

// A proxy that restricts /auth/admin/ compares paths as sent. An encoded letter must not lead
// past it to the operation.
func TestServer_EncodedFixedPathSegmentIsUnknown(t *testing.T) {
	apptest.Each(t, func(t *testing.T, h *apptest.Harness) {
		admin := h.Admin("alice")
		admin.Call("GET", "/auth/admin/users", nil).Want(200, "")
		admin.Call("GET", "/auth/admin/users/%31", nil).Want(200, "") // a parameter may be encoded
		for _, path := range []string{
			"/auth/%61dmin/users", "/auth/admi%6E/users", "/auth/admin/%75sers/1", "/%61uth/admin/users", "/auth%2Fadmin/users",
			"/auth/admin/users/1/s%65ssions", "/auth/current%5Fuser", "/he%61lthz", "/%68ealthz",
		} {
			admin.Call("GET", path, nil).Want(404, "not_found")
			if a := admin.Call("HEAD", path, nil); a.Status != 404 {
				t.Errorf("HEAD %s: got %d, want 404", path, a.Status)
			}
		}
		admin.Call("POST", "/auth/admin/users/1/dis%61ble", nil).Want(404, "not_found")
	})
}
